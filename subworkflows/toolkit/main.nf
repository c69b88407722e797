// The code that tasks run: with its digest as an input, -resume never serves the results of other code.

include { CHECK_GPU ; CHECK_SETUP } from '../../modules/check-setup'

/** Emits [tool: digest of its code] as value channels, which bind when the tasks' machines have been checked. */
workflow TOOLKIT {
    take:
    project // folder of the pipeline
    device // the --device of the tools that train and predict

    main:
    def whole = digest(sources(project))
    def own = digests(project)
    CHECK_SETUP(whole)
    code = CHECK_SETUP.out.found.map { _found -> own }
    gpu_code = code
    if (device == 'cuda') {
        CHECK_GPU(whole)
        gpu_code = CHECK_GPU.out.found.map { _found -> own }
    }

    emit:
    found = CHECK_SETUP.out.found
    code
    gpu_code
}

/** Executables and library: [path below the project: text]; an executable's first line is the installer's to write. */
def sources(project) {
    def root = file(project, glob: false).toAbsolutePath()
    def library = below(root.resolve('python/crexpress'))
        .findAll { source -> source.extension in ['py', 'json', 'html', 'css', 'js', 'bib'] }
        .collectEntries { source -> [root.relativize(source).toString(), source.getText('UTF-8')] }
    def executables = below(root.resolve('bin'))
        .collectEntries { source -> ["bin/${source.name}".toString(), source.getText('UTF-8')] }
        .findAll { _path, text -> text.contains('\n@cli.tool(') }
        .collectEntries { path, text -> [path, text.replaceFirst(/.*\n/, '')] }
    return library + executables
}

/** Files in a folder and within, links and what Python compiled aside; `files` would take brackets for a pattern. */
def below(folder) {
    def entries = folder.listFiles()
        .findAll { entry -> !entry.isLink() && entry.name != '__pycache__' } // a checkout's python/crexpress/bin is one
    return entries.collectMany { entry -> entry.isDirectory() ? below(entry) : [entry] }
}

/** The same digest as crexpress.pipeline.environment makes of the code that it is part of. */
def digest(texts) {
    return texts.collect { path, text -> "${path} ${text.md5()}" }.sort().join('\n').md5()
}

/**
 * The folders of python/crexpress that each tool uses: what may change its results.
 * tests/python/cli/test_code_of_tools.py holds it against what their syntax trees import, and says what to write here.
 */
def uses() {
    return [
        'attribute': 'core formats prepare models data training apply interpret report cli',
        'build-loops': 'core formats prepare cli',
        'check-files': 'core formats prepare models data links interpret pipeline cli',
        'classify-genes': 'core formats prepare models data links interpret report cli',
        'compare': 'core formats prepare models data training baselines links interpret evaluate report cli',
        'embed': 'core formats prepare models data training apply links interpret report cli',
        'ensemble': 'core apply evaluate cli',
        'evaluate': 'core formats prepare models data baselines links evaluate cli',
        'extract-signals': 'core formats prepare cli',
        'find-active': 'core formats prepare interpret report cli',
        'find-motifs': 'core formats prepare models data interpret cli',
        'fit-baselines': 'core formats prepare models data baselines cli',
        'fit-links': 'core formats prepare models data links cli',
        'interpret': 'core formats prepare models data training apply links interpret cli',
        'make-plan': 'core formats prepare models data training baselines links evaluate pipeline cli',
        'map-attention': 'core formats prepare models data training apply interpret cli',
        'match-quantiles': 'core formats prepare cli',
        'measure-complexity': 'core formats prepare models data training report pipeline cli',
        'merge-ccres': 'core formats prepare cli',
        'mutate-elements': 'core formats prepare models data training apply interpret report cli',
        'plot-locus': 'core formats prepare models data training baselines links interpret evaluate report cli',
        'predict': 'core formats prepare models data training apply cli',
        'quantify-expression': 'core formats prepare cli',
        'report': 'core formats prepare models data training baselines links interpret evaluate report cli',
        'score-motifs': 'core formats prepare cli',
        'score-variants': 'core formats prepare models data training apply interpret cli',
        'score-links': 'core formats prepare models data links cli',
        'silence-together': 'core formats prepare models data training apply interpret cli',
        'train': 'core formats prepare models data training cli',
    ]
}

/** [tool: digest of its executable and of the code that it uses]: a new plot trains no model again. */
def digests(project) {
    def texts = sources(project)
    return uses().collectEntries { name, parts ->
        def files = ["bin/${name}".toString(), 'python/crexpress/__init__.py']
        def folders = parts.tokenize(' ').collect { part -> "python/crexpress/${part}/".toString() }
        def own = texts.findAll { path, _text -> path in files || folders.any { place -> path.startsWith(place) } }
        [name, digest(own)]
    }
}
