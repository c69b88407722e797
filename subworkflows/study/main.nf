// What tasks are given: files that the tools made, told apart by their names (elements.parquet and so
// on), the cells of the plan, and the digests of tools.

/** Its name alone; that of a staged file has its folder within the task's. */
def name_of(path) {
    return path.name.tokenize('/').last()
}

/** What a file is: "signals" of signals.CELL.safetensors. */
def kind_of(path) {
    return name_of(path).tokenize('.').first()
}

/** Cell that it is of: CELL, which may hold dots, of signals.CELL.safetensors. */
def cell_of(path) {
    def name = name_of(path)
    return name.substring(name.indexOf('.') + 1, name.lastIndexOf('.'))
}

/** Whether a file is of one of some cells. */
def of_cells(path, cells) {
    def name = name_of(path)
    return name.count('.') > 1 && cell_of(path) in cells // elements.parquet and the like are of none
}

/** [kind: files], as the tools' options are called. */
def by_kind(files) {
    return [files].flatten().groupBy { path -> kind_of(path) }
}

/** The files of some kinds, and of other kinds those of some cells: pick(files, ['genes'], [signals: ['K562']]). */
def pick(files, kinds, cells = [:]) {
    return files.findAll { path ->
        def own = cells[kind_of(path)]
        kind_of(path) in kinds || own && cell_of(path) in own
    }
}

/**
 * A channel of [key, order, file or files] as one of [key, files], once the former is complete: by name, then by order,
 * so that a resumed run hashes the same.
 */
def gather(by_key) {
    return by_key
        .map { key, order, files -> [key, [files].flatten().collect { path -> [path.name, order, path] }] }
        .groupTuple()
        .map { key, lists ->
            def entries = lists.collectMany { list -> list }.sort { a, b -> a[0] <=> b[0] ?: a[1] <=> b[1] }
            [key, entries.collect { _name, _order, path -> path }]
        }
}

/** The files of rows of the plan. */
def located(rows) {
    return rows.collect { row -> row.file }
}

/** Names of the cells that anchored models compare others with, and that are no cells of the user's. */
def known_cells(plan) {
    return plan.cells.findAll { cell -> cell.role == 'known' }.collect { cell -> cell.cell }
}

/** The digest of one tool out of the emitted maps. */
def tool(code, name) {
    return code.map { digests -> digests[name] }
}
