// Every cell's tracks with the mean distribution of the cells trained on; quantiles.npz brings later cells to it.
process MATCH_QUANTILES {
    tag "${store.bin_size} bp bins"
    label 'process_low'

    input:
    tuple val(store), path(signals, stageAs: 'raw/*', arity: '1..*')
    val references
    val toolkit

    output:
    tuple val(store), path("${store.folder}matched/signals.*.safetensors", arity: '1..*'), emit: signals
    path "${store.folder}matched/quantiles.npz", emit: quantiles
    tuple val(task.process), eval('match-quantiles --version'), topic: versions

    script:
    """
    match-quantiles ${signals.collect { file -> "--signals ${file}" }.join(' ')} \\
        ${references.collect { cell -> "--reference raw/signals.${cell}.safetensors" }.join(' ')} \\
        --outdir ${store.folder}matched ${task.ext.args ?: ''}
    """

    stub:
    """
    mkdir -p ${store.folder}matched
    cp raw/* ${store.folder}matched
    touch ${store.folder}matched/quantiles.npz
    """
}
