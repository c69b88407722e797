// pipeline_info: what ran with what. Timeline, report, trace and DAG are Nextflow's own (nextflow.config).

/** Writes params.json now, versions.yml and inputs_manifest.json (every input file's SHA-256) as the tasks end. */
workflow PROVENANCE {
    take:
    run // map of the settings

    main:
    def folder = "${run.outdir}/pipeline_info"
    file(folder).mkdirs()
    file("${folder}/params.json").text = groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson(run.findAll { _name, value -> value != null })) + '\n'
    channel.topic('versions')
        .map { process, version -> "${process}: '${version.trim()}'".toString() }
        .unique()
        .mix(channel.of("Nextflow: '${workflow.nextflow.version}'".toString()))
        .collectFile(name: 'versions.yml', storeDir: folder, newLine: true, sort: true)
    channel.topic('inputs')
        .flatMap { process, sums -> sums.readLines().collect { line -> [process: process, file: line.tokenize('/ ').last(), sha256: line.tokenize(' ').first()] } }
        .unique()
        .toSortedList { a, b -> a.toString() <=> b.toString() }
        .map { all -> groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson(all)) + '\n' }
        .collectFile(name: 'inputs_manifest.json', storeDir: folder)
}
