// Once a split of the genes and cells.
process FIT_BASELINES {
    tag "${([protocol.split] + protocol.holdout).join(' ')}"
    label 'process_medium'

    input:
    tuple val(store), val(protocol), path(elements), path(genes), path(signals, arity: '1..*'), path(expression, arity: '1..*')
    val args
    val toolkit

    output:
    tuple val(store), val(protocol), path("${protocol.folder}baselines.*.parquet", arity: '1..*'), emit: baselines
    tuple val(task.process), eval('fit-baselines --version'), topic: versions

    script:
    """
    fit-baselines --elements ${elements} --genes ${genes} \\
        ${signals.collect { file -> "--signals ${file}" }.join(' ')} \\
        ${expression.collect { file -> "--expression ${file}" }.join(' ')} \\
        ${protocol.split} ${protocol.holdout ? "--holdout-cells '${protocol.holdout.join(',')}'" : ''} \\
        --threads ${task.cpus} ${args} ${task.ext.args ?: ''} --outdir ./${protocol.folder}
    """

    stub:
    """
    mkdir -p ./${protocol.folder}
    touch ${signals.collect { file -> protocol.folder + file.name.replace('signals', 'baselines').replace('safetensors', 'parquet') }.join(' ')}
    """
}
