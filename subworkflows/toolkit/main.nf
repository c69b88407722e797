// The code that tasks run: with its digest as an input, -resume never serves the results of other code.

include { CHECK_GPU ; CHECK_SETUP } from '../../modules/check-setup'

/** Emits a map of tool -> digest of its code, as value channels that bind when the tasks' machines have been checked. */
workflow TOOLKIT {
    take:
    project // folder of the pipeline
    device // the --device of the tools that train and predict

    main:
    def whole = digest(sources(project))
    def digests = tools(project)
    CHECK_SETUP(whole)
    code = CHECK_SETUP.out.found.map { _found -> digests }
    gpu_code = code
    if (device == 'cuda') {
        CHECK_GPU(whole)
        gpu_code = CHECK_GPU.out.found.map { _found -> digests }
    }

    emit:
    found = CHECK_SETUP.out.found
    code
    gpu_code
}

/** The digest of one tool out of the emitted maps. */
def tool(code, name) {
    return code.map { digests -> digests[name] }
}

/** Executables and library: [path below the project: text]; an executable's first line is the installer's to write. */
def sources(project) {
    def root = file(project, glob: false).toAbsolutePath()
    def library = below(root.resolve('python/crexpress')).findAll { source -> source.extension in ['py', 'json', 'html', 'css'] }
        .collectEntries { source -> [root.relativize(source).toString(), source.text] }
    def executables = below(root.resolve('bin')).findAll { source -> source.text.contains('\n@cli.tool(') }
        .collectEntries { source -> ["bin/${source.name}".toString(), source.text.substring(source.text.indexOf('\n') + 1)] }
    return library + executables
}

/** All files in a folder and those within, links aside; `files` would take a name with brackets for a pattern. */
def below(folder) {
    return folder.listFiles().findAll { entry -> !entry.isLink() }.collectMany { entry -> entry.isDirectory() ? below(entry) : [entry] }
}

/** The same digest as crexpress.toolkit makes of the code that it is part of. */
def digest(texts) {
    return texts.collect { path, text -> "${path} ${text.md5()}" }.sort().join('\n').md5()
}

/** [tool: digest of its executable and all of the library that it can import]: a new plot trains no model again. */
def tools(project) {
    def texts = sources(project)
    return texts.keySet().findAll { path -> path.startsWith('bin/') }.collectEntries { path ->
        def reached = reach(path, texts)
        [path.substring(4), digest(texts.subMap(reached))]
    }
}

/** Paths of the code that an executable can reach, itself included. */
def reach(path, texts) {
    def folders = texts.keySet().findAll { name -> name.endsWith('.py') }.collect { name -> folder(name) } as Set
    def data = texts.keySet().findAll { name -> name.startsWith('python/') && !name.endsWith('.py') }
    def grow = { known ->
        // the package, that of models and the API import when a user of the library asks for a name, which no tool does
        def faces = ['__init__.py', 'models/__init__.py', 'api.py'].collect { name -> "python/crexpress/${name}".toString() }
        def modules = known.findAll { name -> !(name in faces) }.collectMany { name -> imports(texts[name], texts) }
        // presets and page templates belong to the package that they lie in
        def beside = data.findAll { name -> known.any { own -> own.endsWith('.py') && folder(own) == home(name, folders) } }
        (known + modules + beside) as Set
    }
    return grow_to_end([path] as Set, grow)
}

def grow_to_end(known, grow) {
    def more = grow.call(known)
    return more.size() == known.size() ? known : grow_to_end(more, grow)
}

def folder(name) {
    return name.substring(0, name.lastIndexOf('/'))
}

/** The nearest folder above a data file that holds code. */
def home(name, folders) {
    def above = folder(name)
    return above in folders ? above : home(above, folders)
}

/** Paths of the modules, and of the packages around them, that a text imports anywhere. */
def imports(text, texts) {
    def named = (text =~ /(?m)^\s*from (crexpress[\w.]*) import (\([^)]*\)|.*)$/).collect { _all, base, names ->
        [base] + names.replaceAll(/[()]|#.*/, '').tokenize(',').collect { name -> "${base}.${name.trim().tokenize(' ')[0]}".toString() }
    }.flatten()
    def whole = (text =~ /(?m)^\s*import (crexpress[\w.]*)/).collect { _all, name -> name }
    def registered = (text =~ /"(crexpress\.[\w.]+):/).collect { _all, name -> name } // core.registry
    return (named + whole + registered)
        .collectMany { name -> name.tokenize('.').inject([]) { above, part -> above + [above ? "${above.last()}/${part}".toString() : part] } }
        .collectMany { path -> ["python/${path}.py".toString(), "python/${path}/__init__.py".toString()] }
        .findAll { path -> path in texts }
        .unique()
}
