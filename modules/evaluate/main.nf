process EVALUATE {
    label 'process_low'

    input:
    tuple path(elements), path(genes)
    path predictions, arity: '1..*'
    path expression, arity: '1..*'
    path baselines, arity: '1..*'
    path links, arity: '0..*'
    path signals, arity: '1..*'
    val names
    path screens, stageAs: 'screen?/*', arity: '0..*'
    val args
    val toolkit

    output:
    path 'metrics.parquet', emit: metrics
    path 'curves.parquet', emit: curves, optional: true // with five positives or more
    tuple val(task.process), eval('evaluate --version'), topic: versions
    tuple val(task.process), eval("sha256sum ${screens.join(' ')} </dev/null"), topic: inputs

    script:
    """
    evaluate --elements ${elements} --genes ${genes} \\
        ${predictions.collect { file -> "--predictions ${file}" }.join(' ')} \\
        ${expression.collect { file -> "--expression ${file}" }.join(' ')} \\
        ${baselines.collect { file -> "--baselines ${file}" }.join(' ')} \\
        ${links.collect { file -> "--links ${file}" }.join(' ')} \\
        ${signals.collect { file -> "--signals ${file}" }.join(' ')} \\
        ${[names, screens].transpose().collect { name, file -> "--crispr '${name}=${file}'" }.join(' ')} ${args} ${task.ext.args ?: ''} --outdir .
    """

    stub:
    """
    touch metrics.parquet curves.parquet
    """
}
