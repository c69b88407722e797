process TRAIN {
    tag "${run.label ?: run.preset}"
    label 'process_gpu'

    input:
    tuple val(run), path(preset, arity: '0..*'), path(elements), path(genes), path(genome, arity: '0..*'), path(signals, arity: '1..*'), path(expression, arity: '1..*'), path(contacts, arity: '0..*')
    val args
    val toolkit

    output:
    tuple val(run), path("${run.folder}model"), emit: model
    tuple val(task.process), eval('train --version'), topic: versions

    script:
    def batch = run.batch_size.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1) // 75: the GPU was full
    """
    train --elements ${elements} --genes ${genes} \\
        ${genome.collect { file -> "--${file.simpleName} ${file}" }.join(' ')} \\
        ${signals.collect { file -> "--signals ${file}" }.join(' ')} \\
        ${expression.collect { file -> "--expression ${file}" }.join(' ')} \\
        ${contacts.collect { file -> "--contacts ${file}" }.join(' ')} \\
        --preset ${run.preset} --batch-size ${batch} --threads ${task.cpus} ${run.args} ${args} ${task.ext.args ?: ''} --outdir ${run.folder}model
    """

    stub:
    """
    mkdir -p ${run.folder}model
    touch ${['model.safetensors', 'config.json', 'history.parquet'].collect { name -> "${run.folder}model/${name}" }.join(' ')}
    """
}
