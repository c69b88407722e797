// What the user asked for: parameters checked against nextflow_schema.json, files found, flags for the tools.

include { give_up_on_stalled_hosts } from '../addresses'
include { execution_faults ; makes_multiqc ; on_path } from '../engine'
include { benchmark_files ; files_in ; names_of ; no_file ; no_place ; place ; unfit } from '../files'
include { link_models ; named_files ; own_presets ; screen_to_fit ; shipped_link_models } from '../files'
include { with_genome   } from '../genomes'
include { changed       } from '../help'
include { how_to_resume } from '../resume'
include { against_models ; tracks_of } from '../saved'

/** Parameters with the types of the schema; stops with every fault at once. `--holdout-cells` is `--holdout_cells`. */
def settings(given, project) {
    give_up_on_stalled_hosts()
    def groups = new groovy.json.JsonSlurper().parse(place("${project}/nextflow_schema.json"))['$defs']
    def schema = groups.values().collectEntries { group -> group.properties }
    def fixed = groups.execution.properties.keySet() // the configuration reads these too, under their own spelling only
    def faults = []
    def said_only = [] // what --validate_params false lets through
    def of_schema = "${given.validate_params}" == 'false' ? said_only : faults
    def values = given.findAll { name, _value -> name in schema }
    def unknown = given.findAll { name, _value -> !(name in schema) && name != 'genomes' && !name.contains('-') }
    // an institution's profile may set parameters of its own
    def said = unknown.findAll { name, _value -> workflow.commandLine.contains("--${name}") }
    def asked = given.custom_config_base ? said : unknown
    asked.each { name, value ->
        def snake = name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/, '_').toLowerCase()
        if (snake in schema && !(snake in fixed)) {
            values[snake] = value
        }
        else if (snake in replaced(value)) {
            def (before, now) = replaced(value)[snake]
            // the params.json of an earlier run has every parameter of then
            if (value != before || on_command_line(name)) {
                faults << "--${name} ${now}".toString()
            }
        }
        else {
            def near = schema.keySet().toList().closest(snake)
            of_schema << "--${name} is no parameter of this pipeline${near ? "; did you mean --${near.first()}?" : ''}"
        }
    }
    // Nextflow takes a parameter that is given no value, or "", for true
    def switches = schema.findAll { _name, property -> 'boolean' in [property.type].flatten() }.keySet()
    def empty = values.findAll { name, value -> value == true && !(name in switches) }.keySet()
    empty.each { name ->
        faults << "--${name} has no value: give it one, or leave it out".toString()
        values[name] = schema[name]['default']
    }
    values.samplesheet = sheet_of(values, faults)
    values.input = null
    values = with_genome(given, values, schema, { name -> is_given(name) }, faults)
    def typed = schema.collectEntries { name, property ->
        [name, coerce(name, values[name], property, faults, name in fixed ? faults : of_schema)]
    }
    // of this run alone: no settings to write down
    ['trace_report_suffix', 'help', 'help_full', 'version'].each { name -> typed[name] = null }
    typed.model = shipped(typed.model, project)
    if (typed.model && typed.transform == 'quantile' && !typed.quantiles) {
        def ours = "${project}/assets/pretrained/".toString()
        if (named_files(typed.model).values().every { model -> model.toString().startsWith(ours) }) {
            typed.quantiles = "${ours}quantiles.npz".toString()
        }
        else {
            faults << '--transform quantile with --model needs --quantiles, the quantiles.npz of its training'
        }
    }
    if (typed.quantiles && typed.transform != 'quantile') {
        faults << '--quantiles is read with --transform quantile only: add that'
    }
    def needed = ['samplesheet', 'gtf', 'outdir'] - empty - ('input' in empty ? ['samplesheet'] : [])
    needed.findAll { name -> typed[name] == null && !values[name] }.each { name ->
        faults << "--${name} is missing: ${schema[name].description}"
    }
    def own = own_presets(typed)
    faults.addAll(own.findResults { preset -> no_file(preset) }.collect { why -> "--preset, --preset_files: ${why}" })
    def recipes = place("${project}/python/crexpress/models/presets").list().findAll { name -> name.endsWith('.json') }
    if (!typed.preset.endsWith('.json') && !("${typed.preset}.json".toString() in recipes)) {
        def known = recipes.collect { name -> name - '.json' }.sort().join(', ')
        faults << "--preset is '${typed.preset}', but must be one of ${known}, or a file that ends in .json"
    }
    named_files(typed.model).values().findAll { model -> !model.resolve('config.json').exists() }.each { model ->
        def ours = shipped_models(project).keySet().toList()
        def near = ours.closest(model.name)
        def mean = near ? "; did you mean ${near.first()}?" : ''
        def why = "it has no config.json), and no shipped model ${ours.join(' or ')}${mean}"
        faults << "--model: ${model} is no folder that train wrote (${why}"
    }
    def screens = named_files(typed.crispr)
    faults.addAll(screens.values().findResults { screen -> no_file(screen) }.collect { why -> "--crispr: ${why}" })
    def benchmarks = typed.benchmarks ? benchmark_files(place(typed.benchmarks)) : [:]
    faults.addAll(benchmarks.values().findResults { path -> no_file(path) }.collect { why -> "--benchmarks: ${why}" })
    faults.addAll(link_model_faults(typed, screens, shipped_link_models(project)))
    if (!typed.chrom_sizes && !typed.fasta) {
        faults << '--chrom_sizes is missing: give it, or --fasta, or --genome'
    }
    // on processors no task asks for a GPU (conf/base.config); asked for one, a run must not go on for days without it
    typed.use_gpu = typed.use_gpu && typed.device != 'cpu'
    if (typed.use_gpu && typed.device == 'auto') {
        typed.device = 'cuda'
    }
    faults.addAll(execution_faults(typed, schema))
    if (typed.multiqc && !typed.engine && !workflow.containerEngine && !on_path('multiqc')) {
        faults << '--multiqc: there is no multiqc on PATH (pip install multiqc), and no profile with containers'
    }
    def for_multiqc = ['multiqc_title', 'multiqc_config', 'multiqc_logo'].findAll { name -> typed[name] }
    if (for_multiqc && !makes_multiqc(typed)) {
        faults << "--${for_multiqc[0]} is for MultiQC's page, which this run does not make: add --multiqc"
    }
    if (typed.motifs && !typed.fasta) {
        faults << '--motifs needs --fasta: motifs are scored in the sequence'
    }
    def of_motifs = ['motif_factors', 'motif_p_value', 'expressed_factors']
    of_motifs.findAll { name -> typed[name] && !typed.motifs }.each { name ->
        faults << "--${name} needs --motifs, whose factors it is about"
    }
    if (typed.genes) {
        def (genes, why) = names_of(typed.genes)
        typed.genes = genes
        faults.addAll([why].findAll().collect { none -> "--genes: ${none}" })
    }
    def explained = (typed.explain ?: '').tokenize(',').collect { word -> word.trim() }
    [[explained, 'motifs', 'motifs'], [explained, 'variants', 'variants'], [explained, 'variants', 'fasta'],
        [explained, 'attention', 'genes'], [explained, 'together', 'genes'],
        [explained, 'mutations', 'fasta']]
        .findAll { words, word, name -> word in words && !typed[name] }
        .each { _words, word, name -> faults << "--explain ${word} needs --${name}" }
    if (typed.variants && !('variants' in explained)) {
        faults << '--variants is read with --explain variants only: add that'
    }
    def split = ['val', 'test', 'fold'].findAll { name -> is_given(name) }.collect { name -> "--${name}" }
    if (typed.leave_out == 'chromosomes' && split) {
        def others = split.join(' and ')
        faults << "--leave_out chromosomes tests each chromosome in turn; leave out ${others}, or --leave_out"
    }
    else if (typed.fold && split - '--fold') {
        faults << "--fold stands for both --val and --test; leave out ${(split - '--fold').join(' and ')}, or --fold"
    }
    if (typed.per_million && typed.target != 'cage') {
        faults << '--per_million is for --target cage: rna tables hold TPM'
    }
    if (typed.model && !typed.sweep) {
        def saved = named_files(typed.model).values()
        faults.addAll(against_models(typed, saved, { name -> on_command_line(name) }))
        // the params.json of an earlier run has every parameter, and must go on to work
        def listed = { name -> is_given(name) && !on_command_line(name) }
        against_models(typed, saved, listed).each { told -> log.warn("-params-file: ${told}") }
    }
    // a saved model says itself which tracks it reads: those every cell must have, unless others are trained beside it
    if (typed.model && !typed.sweep && !is_given('tracks')) {
        typed.tracks = tracks_of(named_files(typed.model).values()) ?: typed.tracks
    }
    def names = schema.findAll { _name, property -> property.format == 'file-path' }.keySet()
    def single = names.collect { name -> typed[name] }
    def models = named_files(typed.model).values() + link_models(typed, project)
    def listed = own + screens.values() + benchmarks.values() + models + [workflow.workDir, project]
    def inside = typed.samplesheet ? files_in(place(typed.samplesheet)).values() : []
    (single.findAll() + listed + inside).collect { path -> path.toString() }.unique().each { path ->
        faults.addAll([unfit(path)].findAll())
    }
    if (project.toString().contains('`')) { // Nextflow puts bin/ on PATH in double quotes
        faults << "Nextflow cannot run a pipeline from ${project}, whose path has a backtick: move it"
    }
    if (said_only) {
        log.warn((['Let through, as --validate_params is false:'] + said_only).join('\n  '))
    }
    if (faults.any { fault -> fault.startsWith("--genome is '") }) { // which would have brought them
        faults.removeAll { fault -> fault ==~ /--(gtf|ccres|chrom_sizes) is missing.*/ }
    }
    if (faults) {
        def title = "The parameters have ${faults.size()} fault${faults.size() > 1 ? 's' : ''}:"
        stop(([title] + faults + '(docs/parameters.md lists all parameters)').join('\n  '))
    }
    log.info(changed(typed, schema))
    return typed
}

/** The samplesheet, by its own name or nf-core's; one that is asked for goes before one that a profile has. */
def sheet_of(values, faults) {
    def names = ['samplesheet', 'input'].findAll { name -> values[name] != null }
    def first = names.findAll { name -> is_given(name) } ?: names
    if (first.collect { name -> "${values[name]}" }.unique().size() > 1) {
        faults << '--input and --samplesheet are two names of one parameter, and name different files: leave one out'
    }
    return first ? values[first[0]] : null
}

/** Parameters that there were: [default of then, what took their place]; `value` is what was given. */
def replaced(value) {
    def probability = 'links have a probability (--link_model), and ABC is scored beside it'
    return [
        combine_links: [false, "is gone: ${probability}; leave it out"],
        combine_window: [1000000, "is now --link_window: give --link_window ${value}"],
        explain_genes: [null, "is now --genes: give --genes '${value}'"],
        fit_links: [null, "is now --link_model: give --link_model 'screen:${value}'"],
    ]
}

/** End a run that has done no work; the last line says what to resume instead of it. */
def stop(message) {
    error([message, how_to_resume()].findAll().join('\n'))
}

/** What is wrong with --link_model and --link_cutoff; make-plan holds --crispr_cell against the samplesheet. */
def link_model_faults(typed, screens, shipped) {
    def model = typed.link_model ?: ''
    def name = screen_to_fit(typed)
    def named = model in ['auto', 'none'] + shipped.keySet()
    def faults = []
    if (name != null) {
        if (!(name in screens)) {
            def known = screens ? "; it has ${screens.keySet().join(', ')}" : ''
            faults << "--link_model: --crispr has no screen named ${name}${known}"
        }
        if (!typed.crispr_cell) {
            faults << '--link_model screen:NAME needs --crispr_cell, the cell that the screen was done in'
        }
    }
    else if (!named && !(model && place(model).exists())) {
        def choices = "auto, none, ${shipped.keySet().join(', ')}, screen:NAME or a file that fit-links wrote; " +
            'there is no such file'
        faults << "--link_model is '${model}', but must be ${choices}"
    }
    else if (!named) {
        faults.addAll([no_file(place(model))].findAll().collect { why -> "--link_model: ${why}" })
    }
    def cutoff = typed.link_cutoff ?: ''
    def chance = cutoff.isNumber() && cutoff.toDouble() >= 0 && cutoff.toDouble() <= 1
    if (!(cutoff in ['recall_70', 'best_f1']) && !chance) {
        faults << "--link_cutoff is '${cutoff}', but must be recall_70, best_f1 or a probability between 0 and 1"
    }
    return faults
}

/** Whether the user asks for a parameter, on the command line or in -params-file; what profiles set is a default. */
def is_given(name) {
    def words = words_given()
    def listed = '-params-file' in words ? place(words[words.indexOf('-params-file') + 1]).text : '{}'
    def is_json = listed.startsWith('{')
    def values = is_json ? new groovy.json.JsonSlurper().parseText(listed) : new org.yaml.snakeyaml.Yaml().load(listed)
    return on_command_line(name) || name in values
}

/** Whether a parameter stands on the command line. */
def on_command_line(name) {
    return words_given().any { word -> word == "--${name}" || word.startsWith("--${name}=") }
}

/** The words of the command line, which are quoted where there are blanks. */
def words_given() {
    return workflow.commandLine.findAll(/'[^']*'|\S+/).collect { word -> word.replace("'", '') }
}

/**
 * A value in the type its schema names. Adds to `faults` what is wrong with it, and to `bounds` how it is none that the
 * schema allows: where these are not the faults, the value is taken all the same.
 */
def coerce(name, value, property, faults, bounds) {
    def text = value == null ? '' : value.toString()
    if (!text) {
        return null
    }
    def most = name in ['samplesheet', 'benchmarks'] ? 64_000_000 : Long.MAX_VALUE // they are read whole, here
    def lacks = property.format == 'file-path' ? no_file(place(text), most)
        : property.format == 'directory-path' ? no_place(place(text)) : null
    def whole = property.type == 'integer' && text ==~ /-?\d{1,18}/
    def wrong = lacks ? ": ${lacks}"
        : property.type == 'boolean' && !(text in ['true', 'false']) ? " is '${text}', but must be true or false"
        : property.type == 'integer' && !whole
            ? " is '${text}', but must be a whole number of at least ${property.minimum}"
        : property.type == 'number' && !text.isNumber() ? " is '${text}', but must be a number" : null
    def outside = property['enum'] && !(text in property['enum'])
            ? " is '${text}', but must be one of ${property['enum'].join(', ')}"
        : whole && text.toLong() < property.minimum
            ? " is '${text}', but must be a whole number of at least ${property.minimum}"
        : property.pattern && !(text ==~ property.pattern)
            ? " is '${name == 'hook_url' ? '...' : text}', which it does not take: ${property.description}" : null
    def told = wrong ? faults : bounds
    told.addAll([wrong ?: outside].findAll().collect { why -> "--${name}${why}".toString() })
    if (wrong || outside && bounds.is(faults)) {
        return null
    }
    return property.type == 'boolean' ? text == 'true' : whole ? text.toLong() : text
}

/** What stands for the names of shipped models in --model. */
def shipped_models(project) {
    def anchored = "pretrained-anchored=${project}/assets/pretrained/anchored"
    def direct = "pretrained=${project}/assets/pretrained/direct"
    return [pretrained: "${direct},${anchored}", 'pretrained-anchored': anchored]
}

/** The value of --model with the folders of the shipped models for their names, where no such folder is here. */
def shipped(text, project) {
    def ours = shipped_models(project)
    def models = (text ?: '').tokenize(',').collect { entry -> entry.trim() }
        .collect { entry -> entry in ours && !place(entry).exists() ? ours[entry] : entry }
    return models.join(',') ?: null
}
