include { options ; quote } from '../../subworkflows/shell'

process QUANTIFY_EXPRESSION {
    tag "${cell}"
    label 'process_low'

    input:
    tuple val(reference), val(cell), val(assay), val(columns), path(tables, stageAs: 'table?/*', arity: '1..*'), path(genes)
    path gtf, stageAs: 'gtf/*'
    val args
    val toolkit

    output:
    tuple val(reference), val(cell), path("${reference.folder}expression.${cell}.parquet"), emit: expression
    tuple val(task.process), eval('quantify-expression --version'), topic: versions
    tuple val(task.process), eval('sha256sum table*/*'), topic: inputs

    script:
    def replicates = [columns, tables].transpose().collect { column, table -> table.toString() + (column ? ":${column}" : '') }
    """
    quantify-expression ${options([cell: cell, genes: genes, gtf: gtf, (assay): replicates])} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "./${reference.folder}")}
    """

    stub:
    """
    mkdir -p ./${quote(reference.folder)}
    touch ${quote("${reference.folder}expression.${cell}.parquet")}
    """
}
