// Once a split of the genes and cells.
include { options ; quote } from '../../subworkflows/shell'
include { by_kind ; cell_of } from '../../subworkflows/study'

process FIT_BASELINES {
    tag "${([protocol.split] + protocol.holdout).join(' ')}"
    label 'process_medium'

    input:
    tuple val(protocol), path(study, stageAs: 'study/?/*', arity: '1..*')
    val args
    val toolkit

    output:
    tuple val(protocol), path("${protocol.folder}baselines.*.parquet", arity: '1..*'), emit: baselines
    tuple val(task.process), eval('fit-baselines --version'), topic: versions

    script:
    """
    fit-baselines ${options(by_kind(study))} \\
        ${protocol.split} ${options(holdout_cells: protocol.holdout ? protocol.holdout.join(',') : null)} \\
        --threads ${task.cpus} ${args} ${task.ext.args ?: ''} ${options(outdir: "./${protocol.folder}")}
    """

    stub:
    """
    mkdir -p ./${quote(protocol.folder)}
    touch ${quote(by_kind(study).signals.collect { file -> "${protocol.folder}baselines.${cell_of(file)}.parquet" })}
    """
}
