// pipeline_info: what ran with what. Timeline, report, trace and DAG are Nextflow's own (nextflow.config).

/** Writes params.json now; versions.yml and inputs_manifest.json (SHA-256 of every input file) when all tasks are done. */
workflow PROVENANCE {
    take:
    run // map of the settings

    main:
    def folder = file("${run.outdir}/pipeline_info")
    folder.mkdirs()
    folder.resolve('params.json').text = json(run.findAll { _name, value -> value != null })

    channel.topic('versions')
        .map { process, version -> "${process}: '${version.trim()}'\n".toString() }
        .unique()
        .toSortedList()
        .subscribe { lines -> write(folder.resolve('versions.yml'), "Nextflow: '${workflow.nextflow.version}'\n${lines.join('')}") }

    channel.topic('inputs')
        .flatMap { process, sums ->
            sums.readLines().collect { line -> [process: process, file: line.tokenize('/ ').last(), sha256: line.tokenize(' ').first()] }
        }
        .unique()
        .toSortedList { a, b -> a.toString() <=> b.toString() }
        .subscribe { entries -> write(folder.resolve('inputs_manifest.json'), json(entries)) }
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
