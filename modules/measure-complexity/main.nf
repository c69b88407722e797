// What the models of a run cost: parameters, FLOPs, seconds a step and peak memory of each point, on random inputs.
include { options } from '../../subworkflows/shell'

process MEASURE_COMPLEXITY {
    label 'process_gpu'

    input:
    path runs
    path presets, arity: '0..*'
    path genome, arity: '0..*'
    val args
    val toolkit

    output:
    path 'complexity/complexity.*', emit: tables
    tuple val(task.process), eval('measure-complexity --version'), topic: versions

    script:
    def given = genome.collect { file -> file.simpleName }
    def scores = genome.find { file -> file.simpleName == 'motifs' }
    """
    measure-complexity ${options(runs: runs, motif_scores: scores)} --${'sequence' in given ? '' : 'no-'}sequence \\
        ${args} ${task.ext.args ?: ''} --outdir complexity
    """

    stub:
    """
    mkdir complexity
    touch complexity/complexity.parquet complexity/complexity.csv complexity/complexity.svg
    """
}
