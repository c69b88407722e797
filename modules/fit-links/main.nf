// A link model of the run's own, fitted to a screen of one of its cells.
include { named ; options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process FIT_LINKS {
    tag "${name} ${meta.cell}"
    label 'process_low'

    input:
    tuple val(meta), path(study, stageAs: 'study/?/*', arity: '1..*')
    tuple val(name), path(screen, stageAs: 'screen/*')
    path known, arity: '0..*'
    val toolkit

    output:
    tuple val(meta), path("${meta.store.folder}scored/own.safetensors"), emit: model
    path "${meta.store.folder}scored/own.pairs.parquet", emit: pairs
    tuple val(task.process), eval('fit-links --version'), topic: versions
    tuple val(task.process), eval('sha256sum screen/*'), topic: inputs

    script:
    def folder = "${meta.store.folder}scored"
    """
    fit-links ${options(by_kind(study) + [known: known, crispr: named([name], screen), name: name])} \\
        ${task.ext.args ?: ''} ${options(output: "${folder}/own.safetensors", pairs: "${folder}/own.pairs.parquet")}
    """

    stub:
    """
    mkdir -p ${quote("${meta.store.folder}scored")}
    touch ${quote(['safetensors', 'pairs.parquet'].collect { ending -> "${meta.store.folder}scored/own.${ending}" })}
    """
}
