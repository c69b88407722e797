include { named ; options ; quote ; several } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process EVALUATE {
    tag "${point.name}"
    label 'process_low'

    input:
    tuple val(point), path(study, stageAs: 'study/?/*', arity: '1..*')
    val names
    path screens, stageAs: 'screen?/*', arity: '0..*'
    path benchmarks, stageAs: 'benchmarks/*' // the sheet
    val benchmark_names // files as it names them
    path benchmark_files, stageAs: 'benchmark?/*', arity: '0..*'
    val args
    val toolkit

    output:
    tuple val(point), path("${point.folder}evaluation/metrics.parquet"), emit: metrics
    // with ten positives or more
    tuple val(point), path("${point.folder}evaluation/curves.parquet"), optional: true, emit: curves
    // of benchmarks
    tuple val(point), path("${point.folder}evaluation/*.tsv"), optional: true, emit: tables
    tuple val(task.process), eval('evaluate --version'), topic: versions
    tuple val(task.process), eval('shopt -s nullglob; sha256sum screen*/* benchmark*/* </dev/null'), topic: inputs

    script:
    def given = [benchmark_names, several(benchmark_files)].transpose()
        .collect { name, path -> [name, path.toString()] }
    """
    evaluate ${options(by_kind(study) + [crispr: named(names, screens)])} \\
        ${options(benchmarks: benchmarks, benchmark_file: given)} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "${point.folder}evaluation")}
    """

    stub:
    """
    mkdir -p ${quote("${point.folder}evaluation")}
    touch ${quote(['metrics', 'curves'].collect { name -> "${point.folder}evaluation/${name}.parquet" })}
    """
}
