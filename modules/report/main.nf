include { named ; options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process REPORT {
    tag "${point.name}"
    label 'process_low'

    input:
    tuple val(point), path(models, stageAs: 'model?/*', arity: '1..*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    val names
    path screens, stageAs: 'screen?/*', arity: '0..*'
    val args
    val toolkit

    output:
    path "${point.folder}report.html", emit: html
    path "${point.folder}summary.txt", emit: summary
    tuple val(point), path("${point.folder}*_mqc.json", arity: '1..*'), emit: multiqc
    path "${point.folder}figures", emit: figures
    path "${point.folder}tables", emit: tables
    tuple val(task.process), eval('report --version'), topic: versions

    script:
    """
    report ${options(by_kind(study) + [model: models, crispr: named(names, screens)])} ${args} \\
        ${task.ext.args ?: ''} ${options(outdir: "./${point.folder}")}
    """

    stub:
    """
    mkdir -p ${quote(['figures', 'tables'].collect { name -> point.folder + name })}
    touch ${quote(['report.html', 'summary.txt', 'crexpress_mqc.json'].collect { name -> point.folder + name })}
    """
}
