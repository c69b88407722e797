process QUANTIFY_EXPRESSION {
    tag "${cell}"
    label 'process_low'

    input:
    tuple val(reference), val(cell), val(assay), val(columns), path(tables, stageAs: 'table?/*', arity: '1..*'), path(genes)
    path gtf
    val args
    val toolkit

    output:
    tuple val(reference), val(cell), path("${reference.folder}expression.${cell}.parquet"), emit: expression
    tuple val(task.process), eval('quantify-expression --version'), topic: versions
    tuple val(task.process), eval("sha256sum ${tables.join(' ')}"), topic: inputs

    script:
    def named = [columns, tables].transpose().collect { column, table -> "--${assay} ${table}${column ? ":${column}" : ''}" }
    """
    quantify-expression --cell ${cell} --genes ${genes} --gtf ${gtf} ${named.join(' ')} ${args} ${task.ext.args ?: ''} \\
        --outdir ./${reference.folder}
    """

    stub:
    """
    mkdir -p ./${reference.folder}
    touch ${reference.folder}expression.${cell}.parquet
    """
}
