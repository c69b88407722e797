process INTERPRET {
    tag "${cell}"
    label 'process_gpu'

    input:
    tuple val(cell), path(signals), path(expression)
    tuple path(elements), path(genes)
    path genome, arity: '0..*'
    path model
    val args
    val toolkit

    output:
    tuple val(cell), path("links.${cell}.parquet"), emit: links
    tuple val(cell), path("links.${cell}.bedpe.gz"), emit: bedpe
    tuple val(task.process), eval('interpret --version'), topic: versions

    script:
    def tokens = 200000.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    interpret --model ${model} --elements ${elements} --genes ${genes} --signals ${signals} \\
        ${expression ? "--expression ${expression}" : ''} \\
        ${genome.collect { file -> "--${file.simpleName} ${file}" }.join(' ')} \\
        --tokens ${tokens} --threads ${task.cpus} ${args} ${task.ext.args ?: ''}
    """

    stub:
    """
    touch links.${cell}.parquet links.${cell}.bedpe.gz
    """
}
