// Once a split of the genes and cells.
include { options ; quote } from '../../subworkflows/shell'

process FIT_BASELINES {
    tag "${([protocol.split] + protocol.holdout).join(' ')}"
    label 'process_medium'

    input:
    tuple val(store), val(protocol), path(elements), path(genes), path(signals, arity: '1..*'), path(profiles, arity: '1..*'), path(expression, arity: '1..*')
    val args
    val toolkit

    output:
    tuple val(store), val(protocol), path("${protocol.folder}baselines.*.parquet", arity: '1..*'), emit: baselines
    tuple val(task.process), eval('fit-baselines --version'), topic: versions

    script:
    """
    fit-baselines ${options(elements: elements, genes: genes, signals: signals, profiles: profiles, expression: expression)} \\
        ${protocol.split} ${options(holdout_cells: protocol.holdout ? protocol.holdout.join(',') : null)} \\
        --threads ${task.cpus} ${args} ${task.ext.args ?: ''} ${options(outdir: "./${protocol.folder}")}
    """

    stub:
    """
    mkdir -p ./${quote(protocol.folder)}
    touch ${quote(signals.collect { file -> protocol.folder + file.name.replace('signals', 'baselines').replace('safetensors', 'parquet') })}
    """
}
