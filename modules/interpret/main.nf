include { options ; quote } from '../../subworkflows/shell'

process INTERPRET {
    tag "${[run.label, cell].findAll().join(' ')}"
    label 'process_gpu'

    input:
    tuple val(run), val(cell), path(model), path(signals), path(profiles), path(elements), path(genes), path(genome, arity: '0..*'), path(expression, arity: '0..*'), path(contacts, arity: '0..*')
    val args
    val toolkit

    output:
    tuple val(run), val(cell), path("${run.folder}links/links.${cell}.parquet"), emit: links
    tuple val(run), val(cell), path("${run.folder}links/links.${cell}.bedpe.gz"), emit: bedpe
    tuple val(task.process), eval('interpret --version'), topic: versions

    script:
    def tokens = 200000.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    interpret ${options(model: model, elements: elements, genes: genes, signals: signals, profiles: profiles)} \\
        ${options(expression: expression, contacts: contacts)} \\
        ${options(genome.collectEntries { file -> [file.simpleName, file] })} \\
        --tokens ${tokens} --threads ${task.cpus} ${args} ${task.ext.args ?: ''} ${options(outdir: "${run.folder}links")}
    """

    stub:
    """
    mkdir -p ${quote("${run.folder}links")}
    touch ${quote(['parquet', 'bedpe.gz'].collect { kind -> "${run.folder}links/links.${cell}.${kind}" })}
    """
}
