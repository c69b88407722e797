// Every cell's tracks with the mean distribution of the cells trained on; quantiles.npz brings later cells to it.
process MATCH_QUANTILES {
    label 'process_low'

    input:
    path signals, stageAs: 'raw/*', arity: '1..*'
    val references
    val toolkit

    output:
    path 'matched/signals.*.safetensors', emit: signals, arity: '1..*'
    path 'matched/quantiles.npz', emit: quantiles
    tuple val(task.process), eval('match-quantiles --version'), topic: versions

    script:
    """
    match-quantiles ${signals.collect { file -> "--signals ${file}" }.join(' ')} \\
        ${references.collect { cell -> "--reference raw/signals.${cell}.safetensors" }.join(' ')} \\
        --outdir matched ${task.ext.args ?: ''}
    """

    stub:
    """
    mkdir matched
    cp raw/* matched
    touch matched/quantiles.npz
    """
}
