// A link model of the run's own, fitted to a screen of one of its cells.
include { named ; options ; quote } from '../../subworkflows/shell'

process FIT_LINKS {
    tag "${name} ${cell}"
    label 'process_low'

    input:
    tuple val(store), val(cell), path(signals), path(elements), path(genes), path(expression, arity: '0..*'), path(contacts, arity: '0..*')
    tuple val(name), path(screen, stageAs: 'screen/*')
    path known, arity: '0..*'
    val toolkit

    output:
    tuple val(store), path("${store.folder}scored/own.safetensors"), emit: model
    path "${store.folder}scored/own.pairs.parquet", emit: pairs
    tuple val(task.process), eval('fit-links --version'), topic: versions
    tuple val(task.process), eval('sha256sum screen/*'), topic: inputs

    script:
    """
    fit-links ${options(elements: elements, genes: genes, signals: signals, expression: expression, contacts: contacts)} \\
        ${options(known: known, crispr: named([name], screen), name: name)} ${task.ext.args ?: ''} \\
        ${options(output: "${store.folder}scored/own.safetensors", pairs: "${store.folder}scored/own.pairs.parquet")}
    """

    stub:
    """
    mkdir -p ${quote("${store.folder}scored")}
    touch ${quote(['safetensors', 'pairs.parquet'].collect { ending -> "${store.folder}scored/own.${ending}" })}
    """
}
