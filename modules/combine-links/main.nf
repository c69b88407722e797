// ABC and its products with the model's scores beside these.
include { options ; quote } from '../../subworkflows/shell'

process COMBINE_LINKS {
    tag "${[run.label ?: run.point, cell].findAll().join(' ')}"
    label 'process_low'

    input:
    tuple val(run), val(cell), path(links), path(signals), path(elements), path(genes)
    val args
    val toolkit

    output:
    tuple val(run), val(cell), path("${run.folder}combined/links.${cell}.parquet"), emit: links
    tuple val(task.process), eval('combine-links --version'), topic: versions

    script:
    """
    combine-links ${options(links: links, elements: elements, genes: genes, signals: signals)} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "${run.folder}combined")}
    """

    stub:
    """
    mkdir -p ${quote("${run.folder}combined")}
    touch ${quote("${run.folder}combined/links.${cell}.parquet")}
    """
}
