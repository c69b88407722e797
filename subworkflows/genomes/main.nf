// --genome NAME: files of a genome by one name (conf/genomes.config, and what users add to it).

/**
 * The given values with those of --genome beneath them; adds to `faults` what is wrong with the name or its entry.
 * A parameter of its own goes before the genome's: one that is asked for (`by_hand`), or that a profile has changed.
 */
def with_genome(given, values, schema, by_hand, faults) {
    if (values.genome == null) {
        return values
    }
    def known = given.genomes ?: [:]
    def alias = [hg38: 'GRCh38', hg19: 'GRCh37', mm10: 'GRCm38', mm39: 'GRCm39']["${values.genome}".toLowerCase()]
    def name = alias in known && !("${values.genome}" in known) ? alias : values.genome
    if (!(known[name.toString()] instanceof Map)) {
        def others = known.keySet().sort().join(', ')
        faults << "--genome is '${name}', but must be one of ${others}; docs/cells.md says how to add one".toString()
        return values
    }
    def entry = known[name.toString()].findAll { key, value -> key != 'about' && value != null }
    entry.keySet().findAll { key -> !(key in schema) || key == 'genome' }.each { key ->
        faults << "--genome: '${key}' of ${name} is no parameter of this pipeline".toString()
    }
    def own = { key -> values[key] != null && (by_hand.call(key) || "${values[key]}" != "${schema[key]['default']}") }
    def instead = entry.keySet().findAll { key -> key in schema && own.call(key) }
    // how elements are merged goes with the elements
    def taken = entry.findAll { key, _value ->
        key in schema && !(key in instead) && !(key == 'merge_method' && 'ccres' in instead)
    }
    def rest = instead.findAll { key -> "${values[key]}" != "${entry[key]}" }
    def besides = rest ? "; ${rest.collect { key -> "--${key}" }.join(', ')} as given" : ''
    def about = 'ccres' in instead ? null : known[name.toString()].about // which is mostly on the elements
    log.info(["--genome ${name}: its ${taken.keySet().join(', ')}${besides}.", about].findAll().join(' '))
    return values + taken + [genome: name]
}

/** What there is to know of --genome where its elements are those of this run, else ''. */
def told_of_genome(run) {
    def about = elements_of_genome(run) ? workflow.session.params.genomes[run.genome].about : null
    return about ? "--genome ${run.genome}: ${about.uncapitalize()}".toString() : ''
}

/** Whether the elements of this run are those of its genome. */
def elements_of_genome(run) {
    def of_genome = workflow.session.params.genomes[run.genome ?: '']?.ccres
    return run.ccres && "${run.ccres}" == "${of_genome}"
}
