include { named ; options ; quote } from '../../subworkflows/shell'

process EXTRACT_SIGNALS {
    tag "${cell}"
    label 'process_low'

    input:
    tuple val(store), val(cell), val(tracks), path(bigwigs, stageAs: 'track?/*', arity: '1..*'), path(elements), path(genes)
    val args
    val toolkit

    output:
    tuple val(store), val(cell), path("${store.folder}signals.${cell}.safetensors"), emit: signals
    tuple val(store), val(cell), path("${store.folder}profiles.${cell}.safetensors"), emit: profiles
    tuple val(task.process), eval('extract-signals --version'), topic: versions
    tuple val(task.process), eval('sha256sum track*/*'), topic: inputs

    script:
    """
    extract-signals ${options(cell: cell, elements: elements, genes: genes, track: named(tracks, bigwigs), bin_size: store.bin_size)} \\
        ${args} ${task.ext.args ?: ''} ${options(output: "${store.folder}signals.${cell}.safetensors")}
    """

    stub:
    """
    mkdir -p ./${quote(store.folder)}
    touch ${quote(['signals', 'profiles'].collect { kind -> "${store.folder}${kind}.${cell}.safetensors" })}
    """
}
