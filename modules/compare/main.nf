// The points of a sweep side by side.
include { named ; options } from '../../subworkflows/shell'

process COMPARE {
    label 'process_low'

    input:
    path runs
    val points
    path metrics, stageAs: 'metrics?/*', arity: '2..*'
    val toolkit

    output:
    path 'sweep.*', emit: tables
    path 'figures/sweep-*', emit: figures
    tuple val(task.process), eval('compare --version'), topic: versions

    script:
    """
    compare ${options(runs: runs, metrics: named(points, metrics))} ${task.ext.args ?: ''}
    """

    stub:
    """
    mkdir figures
    touch sweep.parquet sweep.csv sweep.html figures/sweep-pearson.svg
    """
}
