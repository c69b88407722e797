// What --help and --version print, made of nextflow_schema.json; nothing is started.

/** Whether the user asks for text, and not for a run. */
def asks_for_text(given) {
    return given.help && "${given.help}" != 'false' || given.help_full || given.version // words, of earlier params.json
}

/** The text: of --version, of one parameter (--help NAME), of all, or of those that are not hidden. */
def text_of(given, project) {
    def title = "${workflow.manifest.name.tokenize('/').last()} ${workflow.manifest.version}"
    if (given.version) {
        return title
    }
    def schema = file("${project}/nextflow_schema.json", glob: false)
    def groups = new groovy.json.JsonSlurper().parse(schema)['$defs'].values()
    def named = given.help instanceof CharSequence && given.help != 'true'
    def asked = named ? given.help.replaceAll('^--', '').replace('-', '_') : null
    def known = groups.collectMany { group -> group.properties.keySet() }
    if (asked && !(asked in known)) {
        return "There is no parameter --${asked}; did you mean --${known.closest(asked).first()}?"
    }
    // a parameter that is not there is not looked at: Nextflow would warn
    def every = ['help_full', 'all', 'show_hidden'].any { word -> given.containsKey(word) && given[word] }
    def shown = { name, property -> asked ? name == asked : every || !property.hidden }
    def whole = asked || every
    def lit = colours(given)
    def parts = groups.collect { group -> part(group, group.properties.findAll(shown), whole, lit) }.findAll()
    if (asked) {
        return parts.join('\n')
    }
    def first = [
        "${title}: ${workflow.manifest.description}",
        'Usage: nextflow run . --samplesheet CSV --genome GRCh38 [--PARAMETER VALUE ...] [-profile PROFILES] [-resume]',
    ]
    def last = [
        '--help NAME says more of one parameter, --help --all of all; profiles, samplesheet: docs/usage.md.',
        "Words with one hyphen are Nextflow's: -profile, -params-file, -resume, -work-dir.",
    ]
    return (first + parts + [last.join('\n')]).join('\n\n')
}

/** The parameters that differ from their defaults, a line each; the address of a hook is a secret. */
def changed(run, schema) {
    def lit = colours(run)
    def genome = workflow.session.params.genomes?.get(run.genome ?: '') ?: [:]
    def lines = run.findAll { name, value -> value != null && "${value}" != "${schema[name]['default']}" }
        .collect { name, value ->
            def of_genome = name != 'genome' && "${value}" == "${genome[name]}" ? " (of --genome ${run.genome})" : ''
            "  ${lit.name}${name.padRight(22)}${lit.end} ${name == 'hook_url' ? '...' : value}${of_genome}"
        }
    return (["${lit.bold}Parameters that differ from their defaults:${lit.end}"] + lines).join('\n')
}

/** Codes of a terminal for bold, names and their end; none where nobody looks at one, or no colours are wanted. */
def colours(given) {
    def console = System.console() // from Java 22 on there is always one
    def watched = console != null && (!console.metaClass.respondsTo(console, 'isTerminal') || console.isTerminal())
    def plain = !watched || System.getenv('NO_COLOR') || "${given.monochrome_logs}" == 'true'
    return plain ? [bold: '', name: '', end: ''] : [bold: '\033[1m', name: '\033[36m', end: '\033[0m']
}

/** A group of parameters under its title. */
def part(group, properties, whole, lit) {
    if (!properties) {
        return null
    }
    def lines = properties.collect { name, property ->
        def word = "--${name} ${kind(property)}".trim()
        def notes = [
            whole ? property.help_text : null,
            property['enum'] ? "One of ${property['enum'].join(', ')}." : null,
            property['default'] ? "[default:\u00a0${property['default']}]" : null,
            name in (group.required ?: []) && property['default'] == null ? '[needed]' : null,
        ]
        "  ${lit.name}${word}${lit.end}\n" + indent(([property.description] + notes).findAll().join(' '))
    }
    return "${lit.bold}${group.title}${lit.end}\n${lines.join('\n')}"
}

/** What stands for the value of a parameter. */
def kind(property) {
    def words = [integer: 'N', number: 'X', boolean: '', string: 'TEXT']
    def format = ['file-path': 'FILE', 'directory-path': 'FOLDER']
    return format[property.format] ?: (property.type instanceof List ? '[NAME]' : words[property.type])
}

/** Lines of at most 92 characters, ten blanks before each. */
def indent(text) {
    def lines = text.replaceAll(/(.{1,92})(?:\s+|\z)/, '          \$1\n').stripTrailing()
    return lines.replace('\u00a0', ' ') // which holds a default together
}
