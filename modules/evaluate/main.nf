include { named ; options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process EVALUATE {
    tag "${point.name}"
    label 'process_low'

    input:
    tuple val(point), path(study, stageAs: 'study/?/*', arity: '1..*')
    val names
    path screens, stageAs: 'screen?/*', arity: '0..*'
    val args
    val toolkit

    output:
    tuple val(point), path("${point.folder}evaluation/metrics.parquet"), emit: metrics
    // with ten positives or more
    tuple val(point), path("${point.folder}evaluation/curves.parquet"), optional: true, emit: curves
    tuple val(task.process), eval('evaluate --version'), topic: versions
    tuple val(task.process), eval('shopt -s nullglob; sha256sum screen*/* </dev/null'), topic: inputs

    script:
    """
    evaluate ${options(by_kind(study) + [crispr: named(names, screens)])} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "${point.folder}evaluation")}
    """

    stub:
    """
    mkdir -p ${quote("${point.folder}evaluation")}
    touch ${quote(['metrics', 'curves'].collect { name -> "${point.folder}evaluation/${name}.parquet" })}
    """
}
