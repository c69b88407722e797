include { named ; options ; quote } from '../../subworkflows/shell'

process REPORT {
    tag "${point.point}"
    label 'process_low'

    input:
    tuple val(point), path(elements), path(genes), path(metrics, arity: '0..*'), path(curves, arity: '0..*'),
        path(predictions, stageAs: 'predictions?/*', arity: '1..*'), path(expression, arity: '0..*'),
        path(links, stageAs: 'links?/*', arity: '0..*'), path(signals, arity: '1..*'), path(contacts, arity: '0..*'),
        path(models, stageAs: 'model?/*', arity: '1..*')
    val names
    path screens, stageAs: 'screen?/*', arity: '0..*'
    val args
    val toolkit

    output:
    path "${point.folder}report.html", emit: html
    path "${point.folder}summary.txt", emit: summary
    tuple val(point), path("${point.folder}*_mqc.json", arity: '1..*'), emit: multiqc
    path "${point.folder}figures", emit: figures
    tuple val(task.process), eval('report --version'), topic: versions

    script:
    """
    report ${options(elements: elements, genes: genes, metrics: metrics, curves: curves, model: models, predictions: predictions)} \\
        ${options(expression: expression, links: links, signals: signals, contacts: contacts, crispr: named(names, screens))} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "./${point.folder}")}
    """

    stub:
    """
    mkdir -p ${quote("${point.folder}figures")}
    touch ${quote(['report.html', 'summary.txt', 'crexpress_mqc.json'].collect { name -> point.folder + name })}
    """
}
