include { named ; options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process PLOT_LOCUS {
    tag "${point.name}"
    label 'process_low'
    label 'asked'

    input:
    tuple val(point), path(study, stageAs: 'study/?/*', arity: '1..*')
    val names
    path screens, stageAs: 'screen?/*', arity: '0..*'
    val args
    val toolkit

    output:
    path "${point.folder}loci/*", emit: loci
    tuple val(task.process), eval('plot-locus --version'), topic: versions

    script:
    """
    plot-locus ${options(by_kind(study) + [crispr: named(names, screens)])} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "./${point.folder}loci")}
    """

    stub:
    """
    mkdir -p ${quote("${point.folder}loci")}
    touch ${quote("${point.folder}loci/locus.stub.txt")}
    """
}
