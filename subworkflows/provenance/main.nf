// pipeline_info: what ran with what. Timeline, report, trace and DAG are Nextflow's own (nextflow.config).

include { told_of_genome } from '../genomes'
include { engine_of ; executor ; identity ; said } from '../engine'

/** Writes params.json now; versions.yml and manifest.json when all tasks are done. */
workflow PROVENANCE {
    take:
    run // map of the settings

    main:
    def folder = file("${run.outdir}/pipeline_info", glob: false)
    folder.mkdirs()
    if (!hold(folder.resolve('.lock'))) {
        error("Another run writes into ${run.outdir}: wait until it has ended, or give another --outdir")
    }
    def about = pipeline(run) // asks git, which a run that fails has no time for
    def given = run.findAll { name, value -> value != null && name != 'hook_url' } // which is a secret
    folder.resolve('params.json').text = json(given)

    versions = channel.topic('versions')
        .map { process, version -> [simple(process), version.trim()] }
        .unique()
        .toSortedList { a, b -> a[0] <=> b[0] }
    versions.subscribe { all ->
        def lines = all.collect { process, version -> "${process}: '${version}'\n" }
        write(folder.resolve('versions.yml'), "Nextflow: '${workflow.nextflow.version}'\n${lines.join('')}")
    }

    // every input file with its SHA-256, the code and machine that were found, the images that tasks ran in
    inputs = channel.topic('inputs')
        .flatMap { process, sums ->
            (sums =~ /(?m)^\\?([0-9a-f]{64})  .*?([^\/\n]+)$/)
                .findAll { _line, _sum, name -> name != '-' } // of no file at all
                .collect { _line, sum, name -> [process: simple(process), file: name, sha256: sum] }
        }
        .unique()
        .toSortedList { a, b -> a.toString() <=> b.toString() }
    setups = channel.topic('setups')
        .map { process, found -> [process, parsed(found)] }
        .toSortedList { a, b -> a[0] <=> b[0] }
    images = channel.topic('images').filter { _process, image, _found -> image }
        .map { _process, image, found -> [name: image, id: identity(image) ?: parsed(found).image] }
        .unique()
        .toSortedList { a, b -> a.name <=> b.name }
    versions.map { all -> [versions: all.collectEntries { pair -> pair }] }
        .mix(
            inputs.map { all -> [inputs: all] },
            setups.map { all -> [setups: all.collectEntries { pair -> pair }] },
            images.map { all -> [images: all] },
        )
        .reduce([:]) { sum, part -> sum + part }
        .subscribe { found -> write(folder.resolve('manifest.json'), json(about + [parameters: given] + found)) }
}

/**
 * Hold a file until this run ends, however it does: false where another run, also of a machine that shares the disk,
 * holds it. On a disk without locks nobody can tell, and all go on.
 */
def hold(path) {
    if (path.scheme != 'file') {
        return true
    }
    if (java.nio.file.Files.exists(path) && !java.nio.file.Files.isWritable(path)) {
        error("${path} belongs to another user, who ran into this folder: give another --outdir")
    }
    def open = java.nio.channels.FileChannel.open(path, java.nio.file.StandardOpenOption.CREATE,
        java.nio.file.StandardOpenOption.WRITE)
    try {
        def lock = open.tryLock()
        workflow.session.onShutdown { lock?.release() } // and is kept until then: what nobody holds is closed
        return lock != null
    }
    catch (java.io.IOException _no_locks) {
        return true
    }
}

/**
 * Tell every task, in its environment, how and when the run was called: the report shows it. The environment is no
 * part of a task's key, so that -resume stays what it is; in base64, because a shell reads it. A hook's address is
 * a secret.
 */
def note_call(run) {
    def words = workflow.commandLine.replaceFirst(/^\S*nextflow\S*(?=\s)/, 'nextflow')
    def told = [
        command: words.replaceAll(/(--hook_url[ =])\S+/, '$1...'),
        started: workflow.start.format('yyyy-MM-dd HH:mm'),
        nextflow: workflow.nextflow.version.toString(),
        genome: told_of_genome(run), // what its elements are worth belongs on the page, too
    ]
    def text = groovy.json.JsonOutput.toJson(told).getBytes('UTF-8').encodeBase64().toString()
    workflow.session.config.env = (workflow.session.config.env ?: [:]) + [CREXPRESS_RUN: text]
}

/** Name of a process, without the sub-workflow that calls it. */
def simple(process) {
    return process.tokenize(':').last()
}

def pipeline(run) {
    def describe = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*']
    return [
        pipeline: workflow.manifest.name,
        version: workflow.manifest.version,
        revision: workflow.commitId ?: said(['git', '-C', workflow.projectDir.toString()] + describe),
        nextflow: workflow.nextflow.version.toString(),
        profile: workflow.profile,
        executor: executor(),
        engine: engine_of(run),
    ]
}

def parsed(file) {
    return new groovy.json.JsonSlurper().parseText(file.text)
}

def json(value) {
    return groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson(value)) + '\n'
}

/** A run that has failed is already shutting down, and its lists are not whole: it writes neither. */
def write(path, text) {
    if (workflow.session.success) {
        path.text = text
    }
}
