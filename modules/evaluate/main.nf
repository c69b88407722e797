process EVALUATE {
    tag "${point.point}"
    label 'process_low'

    input:
    tuple val(point), path(elements), path(genes), path(predictions, stageAs: 'predictions?/*', arity: '1..*'),
        path(expression, arity: '0..*'), path(baselines, arity: '0..*'), path(links, stageAs: 'links?/*', arity: '0..*'), path(signals, arity: '1..*')
    val names
    path screens, stageAs: 'screen?/*', arity: '0..*'
    val args
    val toolkit

    output:
    tuple val(point), path("${point.folder}evaluation/metrics.parquet"), emit: metrics
    tuple val(point), path("${point.folder}evaluation/curves.parquet"), emit: curves, optional: true // with five positives or more
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
        ${[names, screens].transpose().collect { name, file -> "--crispr '${name}=${file}'" }.join(' ')} ${args} ${task.ext.args ?: ''} --outdir ${point.folder}evaluation
    """

    stub:
    """
    mkdir -p ${point.folder}evaluation
    touch ${point.folder}evaluation/metrics.parquet ${point.folder}evaluation/curves.parquet
    """
}
