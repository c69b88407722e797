include { named ; options ; quote } from '../../subworkflows/shell'

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
    tuple val(task.process), eval('shopt -s nullglob; sha256sum screen*/* </dev/null'), topic: inputs

    script:
    """
    evaluate ${options(elements: elements, genes: genes, predictions: predictions, expression: expression, baselines: baselines)} \\
        ${options(links: links, signals: signals, crispr: named(names, screens))} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "${point.folder}evaluation")}
    """

    stub:
    """
    mkdir -p ${quote("${point.folder}evaluation")}
    touch ${quote(['metrics', 'curves'].collect { name -> "${point.folder}evaluation/${name}.parquet" })}
    """
}
