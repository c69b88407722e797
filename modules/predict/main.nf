include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

// A model lies in a folder of its own: one called as an output's folder would else be written into.
process PREDICT {
    tag "${[run.label, run.cell].findAll().join(' ')}"
    label 'process_gpu'

    input:
    tuple val(run), path(model, stageAs: 'trained/*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    val args
    val toolkit

    output:
    tuple val(run), path("${run.folder}predictions/predictions.${run.cell}.parquet"), emit: predictions
    tuple val(task.process), eval('predict --version'), topic: versions

    script:
    def batch = 256.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    predict ${options(by_kind(study) + [model: model])} \\
        ${options(predict_cells: run.cell, hide_tracks: run.hidden)} \\
        --batch-size ${batch} ${run.split} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "${run.folder}predictions")}
    """

    stub:
    """
    mkdir -p ${quote("${run.folder}predictions")}
    touch ${quote("${run.folder}predictions/predictions.${run.cell}.parquet")}
    """
}
