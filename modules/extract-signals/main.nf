include { named ; options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process EXTRACT_SIGNALS {
    tag "${meta.cell}"
    label 'process_low'

    input:
    tuple val(meta), path(bigwigs, stageAs: 'track?/*', arity: '1..*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    val args
    val toolkit

    output:
    tuple val(meta), path("${meta.store.folder}signals.${meta.cell}.safetensors"), emit: signals
    tuple val(meta), path("${meta.store.folder}profiles.${meta.cell}.safetensors"), emit: profiles
    tuple val(task.process), eval('extract-signals --version'), topic: versions
    tuple val(task.process), eval('sha256sum track*/*'), topic: inputs

    script:
    """
    extract-signals ${options(by_kind(study) + [cell: meta.cell, track: named(meta.tracks, bigwigs)])} \\
        ${options(bin_size: meta.store.bin_size)} ${args} ${task.ext.args ?: ''} \\
        ${options(output: "${meta.store.folder}signals.${meta.cell}.safetensors")}
    """

    stub:
    """
    mkdir -p ./${quote(meta.store.folder)}
    touch ${quote(['signals', 'profiles'].collect { kind -> "${meta.store.folder}${kind}.${meta.cell}.safetensors" })}
    """
}
