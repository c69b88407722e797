process FIT_BASELINES {
    label 'process_medium'

    input:
    tuple path(elements), path(genes)
    path signals, arity: '1..*'
    path expression, arity: '1..*'
    val args
    val toolkit

    output:
    path 'baselines.*.parquet', emit: baselines, arity: '1..*'
    tuple val(task.process), eval('fit-baselines --version'), topic: versions

    script:
    """
    fit-baselines --elements ${elements} --genes ${genes} \\
        ${signals.collect { file -> "--signals ${file}" }.join(' ')} \\
        ${expression.collect { file -> "--expression ${file}" }.join(' ')} \\
        --threads ${task.cpus} ${args} ${task.ext.args ?: ''} --outdir .
    """

    stub:
    """
    touch ${signals.collect { file -> file.name.replace('signals', 'baselines').replace('safetensors', 'parquet') }.join(' ')}
    """
}
