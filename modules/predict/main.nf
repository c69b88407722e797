process PREDICT {
    tag "${[run.label, cell].findAll().join(' ')}"
    label 'process_gpu'

    input:
    tuple val(run), val(cell), path(model), path(signals), path(elements), path(genes), path(genome, arity: '0..*'), path(expression, arity: '0..*'), path(contacts, arity: '0..*')
    val args
    val toolkit

    output:
    tuple val(run), val(cell), path("${run.folder}predictions/predictions.${cell}.parquet"), emit: predictions
    tuple val(task.process), eval('predict --version'), topic: versions

    script:
    def batch = 256.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    predict --model ${model} --elements ${elements} --genes ${genes} --signals ${signals} \\
        ${expression.collect { file -> "--expression ${file}" }.join(' ')} ${contacts.collect { file -> "--contacts ${file}" }.join(' ')} \\
        ${genome.collect { file -> "--${file.simpleName} ${file}" }.join(' ')} \\
        --batch-size ${batch} --threads ${task.cpus} ${run.split} ${run.hidden ? "--hide-tracks ${run.hidden}" : ''} ${args} ${task.ext.args ?: ''} --outdir ${run.folder}predictions
    """

    stub:
    """
    mkdir -p ${run.folder}predictions
    touch ${run.folder}predictions/predictions.${cell}.parquet
    """
}
