process INTERPRET {
    tag "${[run.label, cell].findAll().join(' ')}"
    label 'process_gpu'

    input:
    tuple val(run), val(cell), path(model), path(signals), path(elements), path(genes), path(genome, arity: '0..*'), path(expression, arity: '0..*'), path(contacts, arity: '0..*')
    val args
    val toolkit

    output:
    tuple val(run), val(cell), path("${run.folder}links/links.${cell}.parquet"), emit: links
    tuple val(run), val(cell), path("${run.folder}links/links.${cell}.bedpe.gz"), emit: bedpe
    tuple val(task.process), eval('interpret --version'), topic: versions

    script:
    def tokens = 200000.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    interpret --model ${model} --elements ${elements} --genes ${genes} --signals ${signals} \\
        ${expression.collect { file -> "--expression ${file}" }.join(' ')} ${contacts.collect { file -> "--contacts ${file}" }.join(' ')} \\
        ${genome.collect { file -> "--${file.simpleName} ${file}" }.join(' ')} \\
        --tokens ${tokens} --threads ${task.cpus} ${args} ${task.ext.args ?: ''} --outdir ${run.folder}links
    """

    stub:
    """
    mkdir -p ${run.folder}links
    touch ${run.folder}links/links.${cell}.parquet ${run.folder}links/links.${cell}.bedpe.gz
    """
}
