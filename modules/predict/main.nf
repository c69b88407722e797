process PREDICT {
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
    tuple val(cell), path("predictions.${cell}.parquet"), emit: predictions
    tuple val(task.process), eval('predict --version'), topic: versions

    script:
    def batch = 256.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    predict --model ${model} --elements ${elements} --genes ${genes} --signals ${signals} \\
        ${expression ? "--expression ${expression}" : ''} \\
        ${genome.collect { file -> "--${file.simpleName} ${file}" }.join(' ')} \\
        --batch-size ${batch} --threads ${task.cpus} ${args} ${task.ext.args ?: ''}
    """

    stub:
    """
    touch predictions.${cell}.parquet
    """
}
