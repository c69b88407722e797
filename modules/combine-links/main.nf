// ABC and its products with the model's scores beside these; for the cell of `--fit_links`, a fit to its screen, too.
process COMBINE_LINKS {
    tag "${[run.label ?: run.point, cell].findAll().join(' ')}"
    label 'process_low'

    input:
    tuple val(run), val(cell), path(links), path(signals), path(elements), path(genes), val(name), path(screen, arity: '0..*')
    val args
    val toolkit

    output:
    tuple val(run), val(cell), path("${run.folder}combined/links.${cell}.parquet"), emit: links
    tuple val(task.process), eval('combine-links --version'), topic: versions

    script:
    """
    combine-links --links ${links} --elements ${elements} --genes ${genes} --signals ${signals} \\
        ${screen ? "--crispr '${name}=${screen}'" : ''} ${args} ${task.ext.args ?: ''} --outdir ${run.folder}combined
    """

    stub:
    """
    mkdir -p ${run.folder}combined
    touch ${run.folder}combined/links.${cell}.parquet
    """
}
