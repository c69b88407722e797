// Any tool that is asked about a study, or about a model on a cell, and needs nothing of its own here. It is included
// under its own name, and writes into a folder of that name beside the other results of what it was asked about; of the
// --tokens among its args it takes half, where the GPU was full (75):
//     include { ASK_MODEL as EXPLAIN } from '../../modules/ask'
//     EXPLAIN('explain', applied, ['variants'], place(run.variants), flags(run, ['device']), tool(gpu_code, 'explain'))
include { options ; quote ; several } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

/** A trained model on a cell; `about` is a task of the plan. */
process ASK_MODEL {
    tag "${[about.label, about.cell].findAll().join(' ')}"
    label 'process_gpu'
    label 'asked'

    input:
    val name // of the tool
    tuple val(about), path(model, stageAs: 'trained/*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    val words // an option for each of the user's own files
    path files, stageAs: 'files?/*', arity: '0..*'
    val args
    val toolkit

    output:
    tuple val(about), path("${about.folder}${name}/*"), emit: results
    tuple val(task.process), eval("${name} --version"), topic: versions

    script:
    def parts = task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1
    def tokens = (args =~ /--tokens (\d+)/).collect { found -> (found[1] as Integer).intdiv(parts) }
    """
    ${name} ${options(by_kind(study) + [words, several(files)].transpose().collectEntries() + [model: model])} \\
        ${args} ${options(tokens: tokens)} ${task.ext.args ?: ''} \\
        ${options(outdir: "${about.folder}${name}")}
    """

    stub:
    """
    mkdir -p ${quote("${about.folder}${name}")}
    touch ${quote("${about.folder}${name}/${name}.${about.cell}.txt")}
    """
}

/** What is known of a point or a cell, without a model; `about` has a folder, and a name, label or cell. */
process ASK_STUDY {
    tag "${[about.name, about.label, about.cell].findAll().join(' ')}"
    label 'process_low'
    label 'asked'

    input:
    val name
    tuple val(about), path(study, stageAs: 'study/?/*', arity: '1..*')
    val words
    path files, stageAs: 'files?/*', arity: '0..*'
    val args
    val toolkit

    output:
    tuple val(about), path("${about.folder}${name}/*"), emit: results
    tuple val(task.process), eval("${name} --version"), topic: versions

    script:
    """
    ${name} ${options(by_kind(study) + [words, several(files)].transpose().collectEntries())} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "${about.folder}${name}")}
    """

    stub:
    """
    mkdir -p ${quote("${about.folder}${name}")}
    touch ${quote("${about.folder}${name}/${[name, about.cell ?: about.name].findAll().join('.')}.txt")}
    """
}
