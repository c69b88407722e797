process PREDICT {
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
    tuple val(cell), path("predictions.${cell}.parquet"), emit: predictions
    tuple val(task.process), eval('predict --version'), topic: versions

    script:
    """
    predict --model ${model} --elements ${elements} --genes ${genes} --signals ${signals} \\
        ${genome.collect { file -> "--${file.simpleName} ${file}" }.join(' ')} \\
        ${contacts.collect { file -> "--contacts ${file}" }.join(' ')} \\
        --threads ${task.cpus} ${args} ${task.ext.args ?: ''} --output predictions.${cell}.parquet
    """

    stub:
    """
    touch predictions.${cell}.parquet
    """
}
