// Every cell's tracks with the mean distribution of the cells trained on, or with that of an earlier run, in its
// quantiles.npz; the one that is written brings later cells to it.
include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process MATCH_QUANTILES {
    tag "${store.bin_size} bp bins"
    label 'process_low'

    input:
    tuple val(store), path(study, stageAs: 'raw/*', arity: '1..*')
    val references
    path quantiles, stageAs: 'given/*', arity: '0..*'
    val toolkit

    output:
    tuple val(store), path("${store.folder}matched/signals.*.safetensors", arity: '1..*'), emit: signals
    tuple val(store), path("${store.folder}matched/profiles.*.safetensors", arity: '1..*'), emit: profiles
    path "${store.folder}matched/quantiles.npz", emit: quantiles
    tuple val(task.process), eval('match-quantiles --version'), topic: versions

    script:
    def reference = quantiles ?: references.collect { cell -> "raw/signals.${cell}.safetensors" }
    """
    match-quantiles ${options(by_kind(study) + [reference: reference])} \\
        ${options(outdir: "${store.folder}matched")} ${task.ext.args ?: ''}
    """

    stub:
    """
    mkdir -p ${quote("${store.folder}matched")}
    cp raw/* ${quote("${store.folder}matched")}
    touch ${quote("${store.folder}matched/quantiles.npz")}
    """
}
