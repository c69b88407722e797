// The mean over the seeds of a point, of one cell.
include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process ENSEMBLE {
    tag "${mean.point.name} ${mean.cell}"
    label 'process_single'

    input:
    tuple val(mean), path(study, stageAs: 'study/?/*', arity: '2..*')
    val toolkit

    output:
    tuple val(mean), path("${mean.folder}predictions/predictions.${mean.cell}.parquet"), emit: predictions
    tuple val(mean), path("${mean.folder}links/links.${mean.cell}.parquet"), emit: links, optional: true
    tuple val(task.process), eval('ensemble --version'), topic: versions

    script:
    def links = by_kind(study).links
    """
    ensemble ${options(predictions: by_kind(study).predictions, outdir: "${mean.folder}predictions")} \\
        ${task.ext.args ?: ''}
    ${links ? "ensemble ${options(links: links, outdir: "${mean.folder}links")} ${task.ext.args ?: ''}" : ''}
    """

    stub:
    def made = by_kind(study).keySet()
    """
    mkdir -p ${quote(["${mean.folder}predictions", "${mean.folder}links"])}
    touch ${quote(made.collect { kind -> "${mean.folder}${kind}/${kind}.${mean.cell}.parquet" })}
    """
}
