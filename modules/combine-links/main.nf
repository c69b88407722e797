// ABC and its products with the model's scores beside these.
include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process COMBINE_LINKS {
    tag "${run.label ?: run.point.name} ${run.cell}"
    label 'process_low'

    input:
    tuple val(run), path(study, stageAs: 'study/?/*', arity: '1..*')
    val args
    val toolkit

    output:
    tuple val(run), path("${run.folder}combined/links.${run.cell}.parquet"), emit: links
    tuple val(task.process), eval('combine-links --version'), topic: versions

    script:
    """
    combine-links ${options(by_kind(study))} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "${run.folder}combined")}
    """

    stub:
    """
    mkdir -p ${quote("${run.folder}combined")}
    touch ${quote("${run.folder}combined/links.${run.cell}.parquet")}
    """
}
