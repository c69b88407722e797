// Probability of every link of a cell, by the link model that does best with what the cell has.
include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process SCORE_LINKS {
    tag "${meta.cell}"
    label 'process_low'

    input:
    tuple val(meta), path(study, stageAs: 'study/?/*', arity: '1..*'),
        path(models, stageAs: 'model?/*', arity: '1..*')
    path known, arity: '0..*'
    val args
    val toolkit

    output:
    tuple val(meta), path("${meta.store.folder}scored/links.${meta.cell}.parquet"), emit: links
    path "${meta.store.folder}scored/links.${meta.cell}.tsv.gz", emit: called
    path "${meta.store.folder}scored/links.${meta.cell}.bedpe.gz", emit: bedpe
    tuple val(task.process), eval('score-links --version'), topic: versions

    script:
    """
    score-links ${options(by_kind(study) + [link_model: models, known: known])} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "${meta.store.folder}scored", held_out: meta.held_out)}
    """

    stub:
    def endings = ['parquet', 'tsv.gz', 'bedpe.gz']
    """
    mkdir -p ${quote("${meta.store.folder}scored")}
    touch ${quote(endings.collect { ending -> "${meta.store.folder}scored/links.${meta.cell}.${ending}" })}
    """
}
