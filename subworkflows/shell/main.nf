// All that reaches a shell goes through here: names and values are the user's, and may hold anything.
//
// Like every script that several include, this one includes none: Nextflow compiles it anew for each of them, with all
// that it includes in turn, and its strict parser would refuse the second.

/** A value as one word of a shell command, several as several; a quote within closes the word and opens it again. */
def quote(value) {
    // toString, as Nextflow escapes a path that is interpolated, and leaves out some characters
    return several(value).collect { word -> "'${word.toString().replace("'", "'\\''")}'" }.join(' ')
}

/**
 * options(cell: 'K562', top_n: [1, 2], all: true, no: null) is "--cell 'K562' --top-n '1' --top-n '2' --all"; a list
 * within the list gives an option several words.
 */
def options(given) {
    return given.collectMany { name, value ->
        def option = "--${name.replace('_', '-')}"
        def words = several(value).findAll { word -> word != null && word != false }
        words.collect { word -> word == true ? option : "${option} ${quote(word)}" }
    }.join(' ')
}

/** Options for a tool, of what is set: flags(run, ['tss'], [method: 'merge_method']) is "--tss 'main' --method 'x'". */
def flags(run, names, renamed = [:]) {
    def all = names.collectEntries { name -> [name, name] } + renamed
    return options(all.collectEntries { option, name -> [option, run[name]] })
}

/**
 * A command whose bad input is no failure of its task but a result, faults.txt, so that the workflow can say it alone,
 * without Nextflow's lines around it; the file is empty where nothing is wrong.
 */
def with_faults(command) {
    return [
        "code=0; ${command.trim()} 2> said.txt || code=\$?",
        'cat said.txt >&2',
        '[[ $code == 0 || $code == 65 ]] || exit $code',
        'if [[ $code == 65 ]]; then mv said.txt faults.txt; else touch faults.txt; fi',
    ].join('\n')
}

/** NAME=FILE for each pair, as several options take them. */
def named(names, files) {
    return [names, several(files)].transpose().collect { name, path -> name + '=' + path.toString() }
}

def several(value) {
    return value instanceof Collection ? value : [value] // a path is iterable, but no collection
}
