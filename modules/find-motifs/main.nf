// Motifs of the active elements of one cell; only with --explain motifs.
include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process FIND_MOTIFS {
    tag "${[run.label, run.cell].findAll().join(' ')}"
    label 'process_medium'

    input:
    tuple val(run), path(study, stageAs: 'study/?/*', arity: '1..*')
    path motifs, stageAs: 'motifs/*'
    path factors, stageAs: 'factors/*'
    val args
    val toolkit

    output:
    tuple val(run), path("${run.folder}explained/motifs.${run.cell}"), emit: motifs
    tuple val(task.process), eval('find-motifs --version'), topic: versions

    script:
    """
    find-motifs ${options(by_kind(study) + [motif_file: motifs, factors: factors])} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "./${run.folder}explained/motifs.${run.cell}")}
    """

    stub:
    """
    mkdir -p ./${quote("${run.folder}explained/motifs.${run.cell}")}
    touch ./${quote("${run.folder}explained/motifs.${run.cell}/enriched_motifs.parquet")}
    """
}
