// The mean over the seeds of a point, of one cell.
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
    ensemble ${predictions.collect { file -> "--predictions ${file}" }.join(' ')} ${task.ext.args ?: ''} --outdir ${point.folder}predictions
    ${links ? "ensemble ${links.collect { file -> "--links ${file}" }.join(' ')} ${task.ext.args ?: ''} --outdir ${point.folder}links" : ''}
    """

    stub:
    """
    mkdir -p ${point.folder}predictions ${point.folder}links
    touch ${point.folder}predictions/predictions.${cell}.parquet ${links ? "${point.folder}links/links.${cell}.parquet" : ''}
    """
}
