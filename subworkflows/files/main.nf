// Files by the names that the user gives them, in parameters and in the samplesheet.

/** A file or folder by its very name; `file` alone would take a name with brackets for a pattern. */
def place(name) {
    return file(name, glob: false)
}

/** Whether a name is an address (https, s3, ...). */
def remote(name) {
    return name ==~ /[a-z0-9]+:\/\/.*/
}

/** Why there is no file, of at most so many bytes, at a place; null where there is one, or only its fetch can tell. */
def no_file(path, most = Long.MAX_VALUE) {
    if (!path.exists()) {
        def lost = path.scheme == 'file' ? path : "${path.toUriString()}, or it cannot be reached"
        return "there is no file ${lost}"
    }
    if (path.scheme != 'file') {
        return null
    }
    if (path.isDirectory()) {
        return "${path} is a folder: name a file"
    }
    if (!java.nio.file.Files.isReadable(path)) {
        return "${path} cannot be read: mend its permissions"
    }
    def large = "${path} has ${path.size()} bytes, and at most ${most} are read: name a smaller file"
    return path.size() > most ? large : null
}

/** "A,B", or the first words of the lines of a file, as the tools read names: [names, why there are none]. */
def names_of(given) {
    def path = place(given)
    if (remote(given) || !path.exists() || path.isDirectory()) {
        return [given, null]
    }
    def most = 100000 // a command takes no longer word
    def why = no_file(path, most)
    if (why) {
        return [given, why]
    }
    def words = path.readLines().collect { line -> line.trim().tokenize(' \t,;') }.findAll()
    def names = words.collect { line -> line.first() }.findAll { name -> !name.startsWith('#') }.unique()
    return [names.join(','), names ? null : "${path} names nothing: write one name a line"]
}

/** Why results cannot go into a folder, in words; null where they can, or only writing can tell. */
def no_place(folder) {
    if (folder.scheme != 'file') {
        return null
    }
    if (!folder.exists()) {
        return no_place(folder.parent)
    }
    if (!folder.isDirectory()) {
        return "${folder} is a file: name a folder"
    }
    return java.nio.file.Files.isWritable(folder) ? null : "${folder} cannot be written: mend its permissions"
}

/** What keeps Nextflow from handing a path to tasks (its scripts name it to a shell); null where nothing does. */
def unfit(name) {
    def text = remote(name) ? place(name).name : place(name).toString()
    def mark = text.find(/[$\{}\p{Cntrl}]/)
    if (mark) {
        def what = mark ==~ /\p{Cntrl}/ ? 'a line break or another control character' : mark
        return "Nextflow cannot read ${name.replaceAll(/\p{Cntrl}/, '?')}, whose path has ${what}: rename it"
    }
    def others = text =~ /[*?\[]/ && !remote(name) ? files(text).collect { path -> path.toString() } - text : []
    def alike = others.sort().join(', ')
    return others ? "Nextflow cannot tell ${name} from ${alike}, which it means as a pattern: rename it" : null
}

/** A file named in the samplesheet: a URL, or a path beside the sheet, or one from the launch folder. */
def find(name, sheet) {
    def beside = remote(name) || name.startsWith('/') ? place(name) : sheet.resolveSibling(name)
    return remote(name) || beside.exists() ? beside : place(name) // addresses are asked for together: ../addresses
}

/** Names in the samplesheet of local files that do not exist, or are none; the task that checks it cannot see them. */
def absent(sheet) {
    return files_in(sheet)
        .findAll { name, path -> !remote(name) && !(name ==~ /ENCFF[0-9]{3}[A-Z]{3}/) && no_file(path) }
        .keySet()
        .sort()
}

/**
 * [file as a samplesheet names it: where it is]. make-plan reads all else; where files are, only Nextflow can tell. As
 * there, the rows come after Excel's `sep=` line, by the separator of the header, without blanks around values. Of a
 * workbook it finds none: what is lost there is said when make-plan has read it.
 */
def files_in(sheet, columns = ['file']) {
    def text = new String(sheet.bytes, 'UTF-8') // `sheet.text` throws where it is not UTF-8, as in a workbook
    def all = text.startsWith('PK') ? [] : text.replace('\ufeff', '').readLines()
    def lines = all.findAll { line -> line.replaceAll(/[\s,;"]/, '') }
    def skipped = lines.take(1).any { line -> line ==~ /(?i)"?sep=.?"?[,;\t]*/ } ? 1 : 0
    def first = lines.drop(skipped).take(1).join('').replaceAll(/"[^"]*"/, '')
    def mark = first.contains('\t') ? '\t' : first.contains(';') && first.count(';') >= first.count(',') ? ';' : ','
    def rows = lines.drop(skipped).collect { line -> fields(line, mark) }
    def header = rows ? rows.first().collect { name -> name.toLowerCase() } : []
    def at = columns.collect { name -> header.indexOf(name) }.findAll { column -> column >= 0 }
    def names = at.collectMany { column -> rows.drop(1).collect { values -> values[column] } }.findAll().unique()
    return names.collectEntries { name -> [name, find(name, sheet)] }
}

/** As `files_in`, of a sheet of benchmarks. */
def benchmark_files(sheet) {
    return files_in(sheet, ['file', 'chain'])
}

/** Fields of a line of CSV; Nextflow's own reader stops at a quote within quotes. */
def fields(line, mark) {
    def field_and_mark = '(?:"(?:[^"]|"")*"|[^"' + mark + '])*' + mark
    return (line + mark).findAll(field_and_mark).collect { text ->
        def field = text.substring(0, text.length() - 1).trim()
        field ==~ /".*"/ ? field.substring(1, field.length() - 1).replace('""', '"').trim() : field
    }
}

/** "NAME=FILE,..." as [NAME: file]; a file without a name goes by its own. A file's name may have a '=', too. */
def named_files(text) {
    return (text ?: '').tokenize(',').collect { entry -> entry.trim() }.collectEntries { entry ->
        def bare = !entry.contains('=') || place(entry).exists()
        def (name, path) = bare ? [null, entry] : entry.split('=', 2).toList()
        [name ?: place(path).simpleName.replace('=', '-'), place(path)]
    }
}

/** Presets of the user's own: the files of --preset_files, and that of --preset where it is not among them. */
def own_presets(run) {
    def names = (run.preset_files ?: '').tokenize(', ') + (run.preset.endsWith('.json') ? [run.preset] : [])
    return names.collect { name -> place(name) }.unique { path -> path.name }
}

/** Name of the screen of --crispr that a link model is fitted to in this run; null where none is. */
def screen_to_fit(run) {
    return run.link_model?.startsWith('screen:') ? run.link_model.substring(7) : null
}

/** Files of the link models of which each cell takes the best for what it has; none where one is fitted here. */
def link_models(run, project) {
    def shipped = shipped_link_models(project)
    if (run.link_model == 'auto') {
        return shipped.values() as List
    }
    if (!run.link_model || run.link_model == 'none' || screen_to_fit(run) != null) {
        return []
    }
    def file = place(run.link_model)
    return [run.link_model in shipped && !file.exists() ? shipped[run.link_model] : file]
}

/** {name: file} of the link models that come with the pipeline. */
def shipped_link_models(project) {
    def folder = place("${project}/assets/link_models")
    def names = folder.list().findAll { name -> name.endsWith('.safetensors') }.sort()
    return names.collectEntries { name -> [name - '.safetensors', folder.resolve(name)] }
}
