// Contributions of inputs to genes, in one cell by one model; only with --explain contributions.
include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process ATTRIBUTE {
    tag "${[run.label, run.cell].findAll().join(' ')}"
    label 'process_gpu'

    input:
    tuple val(run), path(model, stageAs: 'trained/*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    path motifs, stageAs: 'motifs/*'
    val args
    val toolkit

    output:
    tuple val(run), path("${run.folder}explained/contributions.${run.cell}.parquet"), emit: contributions
    tuple val(run), path("${run.folder}explained/logos.${run.cell}"), emit: logos, optional: true
    tuple val(run), path("${run.folder}explained/*"), emit: all
    tuple val(task.process), eval('attribute --version'), topic: versions

    script:
    def tokens = 200000.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    attribute ${options(by_kind(study) + [model: model, motif_file: motifs])} \\
        --tokens ${tokens} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "./${run.folder}explained")}
    """

    stub:
    """
    mkdir -p ./${quote("${run.folder}explained")}
    touch ./${quote("${run.folder}explained/contributions.${run.cell}.parquet")}
    """
}
