process TRAIN {
    tag "${preset}"
    label 'process_gpu'

    input:
    tuple path(elements), path(genes)
    path genome, arity: '0..*'
    path signals, arity: '1..*'
    path expression, arity: '1..*'
    val preset
    val batch_size
    val args
    val toolkit

    output:
    path 'model', emit: model
    tuple val(task.process), eval('train --version'), topic: versions

    script:
    def batch = batch_size.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1) // 75: the GPU was full
    """
    train --elements ${elements} --genes ${genes} \\
        ${genome.collect { file -> "--${file.simpleName} ${file}" }.join(' ')} \\
        ${signals.collect { file -> "--signals ${file}" }.join(' ')} \\
        ${expression.collect { file -> "--expression ${file}" }.join(' ')} \\
        --preset ${preset} --batch-size ${batch} --threads ${task.cpus} ${args} ${task.ext.args ?: ''} --outdir model
    """

    stub:
    """
    mkdir model
    touch model/model.safetensors model/config.json model/history.parquet
    """
}
