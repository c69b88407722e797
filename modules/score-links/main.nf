// Probability of every link of a cell, by the link model whose evidence the cell has.
include { options ; quote } from '../../subworkflows/shell'

process SCORE_LINKS {
    tag "${cell}"
    label 'process_low'

    input:
    tuple val(store), val(cell), path(signals), path(elements), path(genes), path(expression, arity: '0..*'), path(contacts, arity: '0..*'), path(models, stageAs: 'model?/*', arity: '1..*')
    path known, arity: '0..*'
    val args
    val toolkit

    output:
    tuple val(store), val(cell), path("${store.folder}scored/links.${cell}.parquet"), emit: links
    tuple path("${store.folder}scored/links.${cell}.tsv.gz"), path("${store.folder}scored/links.${cell}.bedpe.gz"), emit: called
    tuple val(task.process), eval('score-links --version'), topic: versions

    script:
    """
    score-links ${options(link_model: models, elements: elements, genes: genes, signals: signals)} \\
        ${options(expression: expression, contacts: contacts, known: known)} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "${store.folder}scored")}
    """

    stub:
    """
    mkdir -p ${quote("${store.folder}scored")}
    touch ${quote(['parquet', 'tsv.gz', 'bedpe.gz'].collect { ending -> "${store.folder}scored/links.${cell}.${ending}" })}
    """
}
