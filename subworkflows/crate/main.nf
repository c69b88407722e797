// ro-crate-metadata.json: the results folder as a research object, as archives read it (Process Run Crate 0.5,
// https://w3id.org/ro/wfrun/process): what manifest.json knows, in their words. It lies in the root of the folder, as a
// crate describes what is below it.

/** Write it when a run has ended well; what is about the person alone is left out. */
def write_crate(run) {
    def folder = file(run.outdir, glob: false)
    def manifest = folder.resolve('pipeline_info/manifest.json')
    def begun = workflow.start.toInstant().toEpochMilli() - 1000
    // one of an earlier run tells nothing of this; -preview writes none
    if (!workflow.success || !manifest.exists() || newest(manifest) < begun) {
        return
    }
    def profile = 'https://w3id.org/ro/wfrun/process/0.5'
    def about = new groovy.json.JsonSlurper().parse(manifest)
    def title = "${about.pipeline} ${about.version}"
    def personal = ['email', 'email_on_fail', 'outdir']
    def settings = about.parameters.findAll { name, _value -> !(name in personal) }
        .collect { name, value -> entity("#parameter-${name}", 'PropertyValue', name, [value: value]) }
    def inputs = (about.inputs ?: []).groupBy { input -> input.sha256 }.collect { sum, same ->
        entity("#sha256-${sum}", 'CreativeWork', same[0].file, [identifier: "sha256:${sum}"])
    }
    def names = folder.list().sort().findAll { name -> !name.startsWith('.') && name != 'ro-crate-metadata.json' }
    def forms = [html: 'text/html', txt: 'text/plain', json: 'application/json', csv: 'text/csv']
    def parts = names.collect { name ->
        def form = forms[name.tokenize('.').last()] ?: 'application/octet-stream'
        def id = java.net.URLEncoder.encode(name, 'UTF-8').replace('+', '%20')
        folder.resolve(name).isDirectory() ? entity("${id}/", 'Dataset', name)
            : entity(id, 'File', name, [encodingFormat: form])
    }
    // a folder may hold what is older than this run; hard links and moved files have the time of their task
    def any_time = run.publish_dir_mode in ['link', 'move']
    def made = parts.findAll { one -> any_time || newest(folder.resolve(one.name)) >= begun }
    def tool = entity('#pipeline', 'SoftwareApplication', about.pipeline, [
        softwareVersion: [about.version, about.revision].findAll().join(', '),
        softwareRequirements: "Nextflow ${about.nextflow}",
    ])
    def action = entity('#run', 'CreateAction', "Run of ${title}", [
        description: workflow.manifest.description,
        instrument: refer([tool])[0],
        startTime: "${workflow.start.truncatedTo(java.time.temporal.ChronoUnit.SECONDS)}",
        endTime: "${workflow.complete.truncatedTo(java.time.temporal.ChronoUnit.SECONDS)}",
        actionStatus: 'http://schema.org/CompletedActionStatus',
        object: refer(inputs + settings),
        result: refer(made),
    ])
    def root = entity('./', 'Dataset', "Results of ${title}", [
        description: workflow.manifest.description,
        license: 'Whoever shares this folder says it here; the files it was made of have licences of their own.',
        datePublished: "${workflow.complete.toLocalDate()}",
        conformsTo: ['@id': profile],
        hasPart: refer(parts),
        mentions: refer([action])[0],
    ])
    def itself = [about: ['@id': './'], conformsTo: ['@id': 'https://w3id.org/ro/crate/1.1']]
    def head = entity('ro-crate-metadata.json', 'CreativeWork', 'What this folder holds', itself)
    def known = [head, root, entity(profile, 'CreativeWork', 'Process Run Crate', [version: '0.5']), tool, action]
    def crate = ['@context': 'https://w3id.org/ro/crate/1.1/context', '@graph': known + inputs + settings + parts]
    def text = groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson(crate))
    folder.resolve('ro-crate-metadata.json').text = text + '\n'
}

/** A thing that the crate knows. */
def entity(id, type, name, more = [:]) {
    return ['@id': "${id}".toString(), '@type': type, name: "${name}".toString()] + more
}

def refer(entities) {
    return entities.collect { one -> ['@id': one['@id']] }
}

/** When the newest file at or below a place was written, ms. */
def newest(path) {
    def inside = path.isDirectory() ? path.list().collect { name -> newest(path.resolve(name)) } : []
    def own = java.nio.file.Files.getLastModifiedTime(path, java.nio.file.LinkOption.NOFOLLOW_LINKS).toMillis()
    return ([own] + inside).max()
}
