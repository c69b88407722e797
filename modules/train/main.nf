include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process TRAIN {
    tag "${run.label ?: run.preset}"
    label 'process_gpu'

    input:
    tuple val(run), path(preset, arity: '0..*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    val args
    val toolkit

    output:
    tuple val(run), path("${run.folder}model"), emit: model
    tuple val(task.process), eval('train --version'), topic: versions

    script:
    // 75: the GPU was full
    def batch = run.batch_size.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    train ${options(by_kind(study))} \\
        ${options(preset: run.preset, batch_size: batch)} ${run.args} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "${run.folder}model")}
    """

    stub:
    def made = ['model.safetensors', 'config.json', 'history.parquet']
    """
    mkdir -p ${quote("${run.folder}model")}
    touch ${quote(made.collect { name -> "${run.folder}model/${name}" })}
    """
}
