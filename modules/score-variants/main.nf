// What the variants of --variants do to the genes of one cell, by a model or several; only with --explain variants.
include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process SCORE_VARIANTS {
    // a mean over seeds has no preset
    tag "${[run.containsKey('preset') ? run.label : run.point.name, run.cell].findAll().join(' ')}"
    label 'process_gpu'

    input:
    tuple val(run), path(model, stageAs: 'trained/?/*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    path variants, stageAs: 'variants/*'
    path fasta, stageAs: 'fasta/*'
    path motifs, stageAs: 'motifs/*'
    val args
    val toolkit

    output:
    tuple val(run), path("${run.folder}explained/variants.${run.cell}.*"), emit: variants
    tuple val(run), path("${run.folder}explained/variants.${run.cell}.parquet"), emit: table
    tuple val(task.process), eval('score-variants --version'), topic: versions
    tuple val(task.process), eval('shopt -s nullglob; sha256sum variants/*'), topic: inputs

    script:
    def tokens = 200000.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    score-variants ${options(by_kind(study) + [model: model, variants: variants, fasta: fasta, motif_file: motifs])} \\
        --tokens ${tokens} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "./${run.folder}explained")}
    """

    stub:
    """
    mkdir -p ./${quote("${run.folder}explained")}
    touch ./${quote("${run.folder}explained/variants.${run.cell}.parquet")}
    """
}
