process INTERPRET {
    tag "${cell}"
    label 'process_gpu'

    input:
    tuple val(cell), path(signals), path(contacts, arity: '0..*')
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
    """
    interpret --model ${model} --elements ${elements} --genes ${genes} --signals ${signals} \\
        ${genome.collect { file -> "--${file.simpleName} ${file}" }.join(' ')} \\
        ${contacts.collect { file -> "--contacts ${file}" }.join(' ')} \\
        --threads ${task.cpus} ${args} ${task.ext.args ?: ''} --output links.${cell}.parquet
    """

    stub:
    """
    touch links.${cell}.parquet links.${cell}.bedpe.gz
    """
}
