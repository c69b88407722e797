include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process QUANTIFY_EXPRESSION {
    tag "${meta.cell}"
    label 'process_low'

    input:
    tuple val(meta), path(tables, stageAs: 'table?/*', arity: '1..*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    path gtf, stageAs: 'gtf/*'
    val args
    val toolkit

    output:
    tuple val(meta), path("${meta.reference.folder}expression.${meta.cell}.parquet"), emit: expression
    tuple val(task.process), eval('quantify-expression --version'), topic: versions
    tuple val(task.process), eval('sha256sum table*/*'), topic: inputs

    script:
    def replicates = [meta.columns, tables].transpose().collect { column, table ->
        table.toString() + (column ? ":${column}" : '')
    }
    """
    quantify-expression ${options(by_kind(study) + [cell: meta.cell, gtf: gtf, (meta.assay): replicates])} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "./${meta.reference.folder}")}
    """

    stub:
    """
    mkdir -p ./${quote(meta.reference.folder)}
    touch ${quote("${meta.reference.folder}expression.${meta.cell}.parquet")}
    """
}
