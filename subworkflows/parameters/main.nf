// What the user asked for: parameters checked against nextflow_schema.json, files found, flags for the tools.

include { execution_faults ; on_path } from '../engine'
include { how_to_resume } from '../resume'
include { options       } from '../shell'

/** Parameters with the types of the schema; stops with every fault at once. `--holdout-cells` is `--holdout_cells`. */
def settings(given, project) {
    def groups = new groovy.json.JsonSlurper().parse(place("${project}/nextflow_schema.json"))['$defs']
    def schema = groups.values().collectEntries { group -> group.properties }
    def fixed = groups.execution.properties.keySet() // the configuration reads these too, under their own spelling only
    def faults = []
    def values = given.findAll { name, _value -> name in schema }
    def unknown = given.findAll { name, _value -> !(name in schema) && !name.contains('-') }
    // an institution's profile may set parameters of its own
    def asked = given.custom_config_base ? unknown.findAll { name, _value -> workflow.commandLine.contains("--${name}") } : unknown
    asked.each { name, value ->
        def snake = name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/, '_').toLowerCase()
        if (snake in schema && !(snake in fixed)) {
            values[snake] = value
        }
        else if (snake == 'fit_links') {
            faults << "--fit_links is now --link_model: give --link_model 'screen:${value}'"
        }
        else {
            def near = snake == 'input' ? ['samplesheet'] : schema.keySet().toList().closest(snake) // as nf-core calls it
            faults << "--${name} is no parameter of this pipeline${near ? "; did you mean --${near.first()}?" : ''}"
        }
    }
    def typed = schema.collectEntries { name, property -> [name, coerce(name, values[name], property, faults)] }
    groups.values().collectMany { group -> group.required ?: [] }.each { name ->
        if (typed[name] == null && values[name] == null) {
            faults << "--${name} is missing: ${schema[name].description}"
        }
    }
    def own = own_presets(typed)
    own.findAll { preset -> !preset.exists() }.each { preset -> faults << "--preset, --preset_files: there is no file ${preset}" }
    def recipe = place("${project}/python/crexpress/models/presets/${typed.preset}.json")
    if (!typed.preset.endsWith('.json') && !recipe.exists()) {
        def presets = place("${project}/python/crexpress/models/presets").list().findAll { name -> name.endsWith('.json') }.collect { name -> name - '.json' }.sort()
        faults << "--preset is '${typed.preset}', but must be one of ${presets.join(', ')}, or a file that ends in .json"
    }
    named_files(typed.model).values().findAll { model -> !model.resolve('config.json').exists() }.each { model ->
        faults << "--model: ${model} is no folder that train wrote (it has no config.json)"
    }
    def screens = named_files(typed.crispr)
    screens.values().findAll { screen -> !screen.exists() }.each { screen -> faults << "--crispr: there is no file ${screen}" }
    def rows = typed.samplesheet ? rows_of(place(typed.samplesheet)) : []
    faults.addAll(link_model_faults(typed, screens, rows))
    if (!typed.ccres && typed.samplesheet && !rows.any { row -> row.assay == 'ccres' }) {
        faults << '--ccres is missing: give a BED of cCREs, or rows with the assay ccres in the samplesheet'
    }
    if (!typed.chrom_sizes && !typed.fasta) {
        faults << '--chrom_sizes is missing: give it, or --fasta'
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
    if (typed.motifs && !typed.fasta) {
        faults << '--motifs needs --fasta: motifs are scored in the sequence'
    }
    ['motif_factors', 'expressed_factors'].findAll { name -> typed[name] && !typed.motifs }.each { name ->
        faults << "--${name} needs --motifs, whose factors it is about"
    }
    def split = ['val', 'test', 'fold'].findAll { name -> is_given(name) }.collect { name -> "--${name}" }
    if (typed.leave_out == 'chromosomes' && split) {
        faults << "--leave_out chromosomes tests each chromosome in turn; leave out ${split.join(' and ')}, or --leave_out"
    }
    else if (typed.fold && split - '--fold') {
        faults << "--fold stands for both --val and --test; leave out ${(split - '--fold').join(' and ')}, or --fold"
    }
    if (typed.per_million && typed.target != 'cage') {
        faults << '--per_million is for --target cage: rna tables hold TPM'
    }
    // a saved model says itself which tracks it reads: those every cell must have, unless other models are trained beside it
    if (typed.model && !typed.sweep && !is_given('tracks')) {
        typed.tracks = tracks_of(named_files(typed.model).values()) ?: typed.tracks
    }
    def paths = schema.findAll { _name, property -> property.format == 'file-path' }.keySet().collect { name -> typed[name] }
    def listed = [own, screens.values(), named_files(typed.model).values(), link_models(typed, project)].collectMany { all -> all.collect { path -> path.toString() } }
    def inside = typed.samplesheet ? rows.collect { row -> row.file }.findAll().collect { name -> find(name, place(typed.samplesheet)).toString() } : []
    (paths.findAll() + listed + inside + [workflow.workDir.toString(), project.toString()]).unique().collect { path -> unfit(path) }.findAll().each { fault -> faults << fault }
    if (project.toString().contains('`')) { // Nextflow puts bin/ on PATH in double quotes, where a shell runs what stands in backticks
        faults << "Nextflow cannot run a pipeline from ${project}, whose path has a backtick: move it"
    }
    if (faults) {
        stop("The parameters have ${faults.size()} fault${faults.size() > 1 ? 's' : ''}:\n  ${faults.join('\n  ')}\n  (docs/parameters.md lists all parameters)")
    }
    return typed
}

/** End a run that has done no work; the last line says what to resume instead of it. */
def stop(message) {
    error([message, how_to_resume()].findAll().join('\n'))
}

/** A file or folder by its very name; `file` alone would take a name with brackets for a pattern. */
def place(name) {
    return file(name, glob: false)
}

/** What keeps Nextflow from handing a path to tasks (its scripts name it to a shell); null where nothing does. */
def unfit(name) {
    def text = remote(name) ? place(name).name : place(name).toString()
    def mark = text.find(/[$\{}\p{Cntrl}]/)
    if (mark) {
        return "Nextflow cannot read ${name.replaceAll(/\p{Cntrl}/, '?')}, whose path has ${mark ==~ /\p{Cntrl}/ ? 'a line break or another control character' : mark}: rename it"
    }
    def others = text =~ /[*?\[]/ && !remote(name) ? files(text).collect { path -> path.toString() } - text : []
    return others ? "Nextflow cannot tell ${name} from ${others.sort().join(', ')}, which it means as a pattern: rename it" : null
}

/**
 * Rows of a samplesheet, as check-samplesheet reads them: past Excel's `sep=` line, by the separator of the header, without
 * blanks around values, assays in lower case.
 */
def rows_of(sheet) {
    def lines = sheet.text.replace('\ufeff', '').readLines().findAll { line -> line.replaceAll(/[\s,;"]/, '') }
    def skipped = lines.take(1).any { line -> line ==~ /(?i)"?sep=.?"?[,;\t]*/ } ? 1 : 0
    def first = lines.drop(skipped).take(1).join('').replaceAll(/"[^"]*"/, '')
    def mark = first.contains('\t') ? '\t' : first.contains(';') && first.count(';') >= first.count(',') ? ';' : ','
    def rows = lines.drop(skipped).collect { line -> fields(line, mark) }
    def header = rows ? rows.first() : []
    return rows.drop(1).collect { values ->
        def row = header.withIndex().findAll { name, _column -> name }.collectEntries { name, column -> [name, values[column] ?: ''] }
        row + [assay: row.assay?.toLowerCase()]
    }
}

/** Fields of a line of CSV; Nextflow's own reader stops at a quote within quotes. */
def fields(line, mark) {
    def field_and_mark = '(?:"(?:[^"]|"")*"|[^"' + mark + '])*' + mark
    return (line + mark).findAll(field_and_mark).collect { text ->
        def field = text.substring(0, text.length() - 1).trim()
        field ==~ /".*"/ ? field.substring(1, field.length() - 1).replace('""', '"').trim() : field
    }
}

/** Name of the screen of --crispr that a link model is fitted to in this run; null where none is. */
def screen_to_fit(run) {
    return run.link_model?.startsWith('screen:') ? run.link_model.substring(7) : null
}

/** Files of the link models of which each cell takes the one whose evidence it has; none where one is fitted in this run. */
def link_models(run, project) {
    def shipped = place("${project}/assets/link_models")
    if (run.link_model == 'auto') {
        return shipped.list().findAll { name -> name.endsWith('.safetensors') }.sort().collect { name -> shipped.resolve(name) }
    }
    return run.link_model == 'none' || screen_to_fit(run) != null ? [] : [place(run.link_model)]
}

/** What is wrong with --link_model and --link_cutoff. */
def link_model_faults(typed, screens, rows) {
    def model = typed.link_model ?: ''
    def name = screen_to_fit(typed)
    def faults = []
    if (name != null) {
        if (!(name in screens)) {
            faults << "--link_model: --crispr has no screen named ${name}${screens ? "; it has ${screens.keySet().join(', ')}" : ''}"
        }
        if (!typed.crispr_cell) {
            faults << '--link_model screen:NAME needs --crispr_cell, the cell that the screen was done in'
        }
        else if (rows && !rows.any { row -> row.cell == typed.crispr_cell && row.assay in typed.tracks.tokenize(', ')*.toLowerCase() }) {
            faults << "--link_model screen:${name}: the samplesheet has no tracks of ${typed.crispr_cell}, the cell of --crispr_cell"
        }
    }
    else if (!(model in ['auto', 'none']) && !(model && place(model).exists())) {
        faults << "--link_model is '${model}', but must be auto, none, screen:NAME or a file that fit-links wrote; there is no such file"
    }
    def cutoff = typed.link_cutoff ?: ''
    if (!(cutoff in ['recall_70', 'best_f1']) && !(cutoff.isNumber() && cutoff.toDouble() >= 0 && cutoff.toDouble() <= 1)) {
        faults << "--link_cutoff is '${cutoff}', but must be recall_70, best_f1 or a probability between 0 and 1"
    }
    return faults
}


/** Whether the user asks for a parameter, on the command line or in -params-file; what profiles set is a default. */
def is_given(name) {
    def words = workflow.commandLine.findAll(/'[^']*'|\S+/).collect { word -> word.replace("'", '') } // quoted where there are blanks
    def listed = '-params-file' in words ? place(words[words.indexOf('-params-file') + 1]).text : '{}'
    def values = listed.startsWith('{') ? new groovy.json.JsonSlurper().parseText(listed) : new org.yaml.snakeyaml.Yaml().load(listed)
    return words.any { word -> word == "--${name}" || word.startsWith("--${name}=") } || name in values
}

/** A value in the type its schema names; adds to `faults` what is wrong with it. */
def coerce(name, value, property, faults) {
    def text = value == null ? '' : value.toString()
    if (!text) {
        return null
    }
    if (property['enum'] && !(text in property['enum'])) {
        faults << "--${name} is '${text}', but must be one of ${property['enum'].join(', ')}"
    }
    else if (property.format == 'file-path' && !place(text).exists()) {
        faults << "--${name}: there is no file ${text}${remote(text) ? ', or it cannot be reached' : ''}"
    }
    else if (property.type == 'boolean' && !(text in ['true', 'false'])) {
        faults << "--${name} is '${text}', but must be true or false"
    }
    else if (property.type == 'integer' && !(text ==~ /\d+/ && text.toLong() >= property.minimum)) {
        faults << "--${name} is '${text}', but must be a whole number of at least ${property.minimum}"
    }
    else if (property.type == 'number' && !text.isNumber()) {
        faults << "--${name} is '${text}', but must be a number"
    }
    else {
        return property.type == 'boolean' ? text == 'true' : property.type == 'integer' ? text.toLong() : text
    }
    return null
}

/** Options for a tool: flags(run, ['tss'], [method: 'merge_method']) is "--tss 'main' --method 'greedy'"; unset ones are left out. */
def flags(run, names, renamed = [:]) {
    return options((names.collectEntries { name -> [name, name] } + renamed).collectEntries { option, name -> [option, run[name]] })
}

/** "NAME=FILE,..." as [NAME: file]; a file without a name goes by its own. A file's name may have a '=', too. */
def named_files(text) {
    return (text ?: '').tokenize(',').collect { entry -> entry.trim() }.collectEntries { entry ->
        def bare = !entry.contains('=') || place(entry).exists()
        bare ? [place(entry).simpleName.replace('=', '-'), place(entry)] : [entry.substring(0, entry.indexOf('=')), place(entry.substring(entry.indexOf('=') + 1))]
    }
}

/** Presets of the user's own: the files of --preset_files, and of --preset where it names one that is not among them. */
def own_presets(run) {
    def names = (run.preset_files ?: '').tokenize(', ') + (run.preset.endsWith('.json') ? [run.preset] : [])
    return names.collect { name -> place(name) }.unique { path -> path.name }
}

/** Whether a name is an address (https, s3, ...). */
def remote(name) {
    return name ==~ /[a-z0-9]+:\/\/.*/
}

/** A file named in the samplesheet: a URL, or a path beside the sheet, or one from the launch folder. */
def find(name, sheet) {
    def beside = remote(name) || name.startsWith('/') ? place(name) : sheet.resolveSibling(name)
    return remote(name) || beside.exists() ? beside : place(name) // an address is asked for once, when it is fetched
}

/** Files of some rows of the samplesheet. */
def locate(rows, sheet) {
    return rows.collect { row -> find(row.file, sheet) }
}

/** Local files named in the samplesheet that do not exist; the task that checks the sheet cannot see them. */
def absent(sheet) {
    return rows_of(sheet)
        .collect { row -> row.file ?: '' }
        .findAll { name -> name && !remote(name) && !(name ==~ /ENCFF[0-9]{3}[A-Z]{3}/) && !find(name, sheet).exists() }
        .unique()
        .sort()
}

/** Rows that hold one of the assays. */
def select(rows, assays) {
    return rows.findAll { row -> row.assay in assays }
}

/** Rows of expression in tables of text, which are read before the start; alignments and signals are large. */
def tables_of(rows) {
    return select(rows, ['rna', 'cage']).findAll { row -> !(row.file ==~ /(?i)[^?#]*\.(bam|bw|bigwig|ctss(\.gz)?)([?#].*)?/) }
}

/** Stop when a cell to interpret, or of the screens, is not in the samplesheet; say which of its tracks no one asked for. */
def check_choices(run, sheet) {
    def rows = rows_of(sheet).findAll { row -> row.cell && row.assay }
    def cells = rows.collect { row -> row.cell }.unique().sort()
    ['interpret_cells', 'crispr_cell'].each { name ->
        def unknown = (name == 'crispr_cell' && !run.crispr ? '' : run[name] ?: '').tokenize(', ') - cells
        if (cells && unknown) {
            stop("--${name}: ${unknown.join(', ')} is no cell of the samplesheet; it has ${cells.join(', ')}")
        }
    }
    def unread = rows.collect { row -> row.assay }.unique() - run.tracks.tokenize(', ')*.toLowerCase() - ['rna', 'cage', 'loops', 'ccres']
    if (unread) {
        log.info("Not in --tracks and so not read: ${unread.sort().join(', ')}.")
    }
}

/** Tracks that any of these trained models reads, "dnase,ctcf"; empty where none says so. */
def tracks_of(models) {
    return models.collect { model -> model.resolve('config.json') }.findAll { config -> config.exists() }
        .collectMany { config -> new groovy.json.JsonSlurper().parseText(config.text).model?.tracks ?: [] }
        .unique().join(',')
}

/** Say which tracks the models of a run read, once for the points that read the same. */
def say_tracks(json) {
    def all = new groovy.json.JsonSlurperClassic().parseText(json.text)
    all.groupBy { entry -> entry.tracks }.each { tracks, own ->
        def points = own.collect { entry -> entry.point }.unique()
        def whose = points.size() == all.collect { entry -> entry.point }.unique().size() ? 'The model' : "Point${points.size() > 1 ? 's' : ''} ${points.join(', ')}"
        log.info("${whose} reads ${tracks ? "the tracks ${tracks.join(', ')}" : 'no track'}.")
    }
}

/** Runs laid out by check-sweep, one map each; what its tasks do not read is left out, so that it re-runs none. */
def read_runs(json) {
    def all = new groovy.json.JsonSlurperClassic().parseText(json.text)
    all.findAll { entry -> entry.preset.contains('/') }.each { entry ->
        stop("point '${entry.point}': name the preset '${place(entry.preset).name}' without its folder, and give the file by --preset_files")
    }
    return all.collect { entry -> entry.findAll { name, _value -> !(name in ['settings', 'tracks', 'hidden']) } }
}

/** Runs that do without tracks, to see what those are worth: a list of (run, cell, the run with hidden tracks). */
def read_hidden(json) {
    def sets = new groovy.json.JsonSlurperClassic().parseText(json.text).collect { entry -> entry.hidden }
    return [read_runs(json), sets].transpose().collectMany { one, own ->
        own.withIndex(1).collectMany { set, number ->
            def without = "without.${set.tracks.join('.')}"
            def blind = one + [hidden: set.tracks.join(','), number: number, folder: "${one.folder}${without}/", label: "${one.label} ${without}".trim()]
            set.cells.collect { cell -> [one, cell, blind] }
        }
    }
}

/** What the runs of a point, which differ by their seeds and modes, have in common. */
def of_point(entry) {
    return [point: entry.point, place: entry.place, folder: entry.place, store: entry.store, protocol: entry.protocol]
}

/** What its runs of one mode have in common, which differ by their seeds. */
def of_mode(entry) {
    return of_point(entry) + [folder: entry.place + entry.of_mode, mode: entry.mode]
}

/** Place of a run among those of its point: by seed, direct before anchored, without hidden tracks before with. */
def order_of(entry) {
    return 2 * entry.seed + (entry.mode == 'anchored' ? 1 : 0) + (entry.hidden ? entry.number / 1000 : 0)
}

/** Cell that an artefact is named after: signals.CELL.safetensors. */
def cell_of(path) {
    return path.name.substring(path.name.indexOf('.') + 1, path.name.lastIndexOf('.'))
}

/**
 * Files of a (key, order, file) channel as one list for every one of `keys`: by name, then by `order`, so that a
 * resumed run hashes the same.
 */
def gather(by_key, keys) {
    return keys.map { key -> [key, []] }
        .mix(by_key.map { key, order, path -> [key, [[path.name, order, path]]] })
        .groupTuple()
        .map { key, lists -> [key, lists.collectMany { list -> list }.sort { a, b -> a[0] <=> b[0] ?: a[1] <=> b[1] }.collect { entry -> entry[2] }] }
}
