// The mean over the seeds of a point, of one cell.
include { options ; quote } from '../../subworkflows/shell'

process ENSEMBLE {
    tag "${point.point} ${cell}"
    label 'process_single'

    input:
    tuple val(point), val(cell), path(predictions, stageAs: 'predictions?/*', arity: '2..*'), path(links, stageAs: 'links?/*', arity: '0..*')
    val toolkit

    output:
    tuple val(point), val(cell), path("${point.folder}predictions/predictions.${cell}.parquet"), emit: predictions
    tuple val(point), val(cell), path("${point.folder}links/links.${cell}.parquet"), emit: links, optional: true
    tuple val(task.process), eval('ensemble --version'), topic: versions

    script:
    """
    ensemble ${options(predictions: predictions, outdir: "${point.folder}predictions")} ${task.ext.args ?: ''}
    ${links ? "ensemble ${options(links: links, outdir: "${point.folder}links")} ${task.ext.args ?: ''}" : ''}
    """

    stub:
    """
    mkdir -p ${quote(["${point.folder}predictions", "${point.folder}links"])}
    touch ${quote(["${point.folder}predictions/predictions.${cell}.parquet"] + (links ? ["${point.folder}links/links.${cell}.parquet"] : []))}
    """
}
