include { options ; quote } from '../../subworkflows/shell'

process TRAIN {
    tag "${run.label ?: run.preset}"
    label 'process_gpu'

    input:
    tuple val(run), path(preset, arity: '0..*'), path(elements), path(genes), path(genome, arity: '0..*'), path(signals, arity: '1..*'), path(profiles, arity: '1..*'), path(expression, arity: '1..*'), path(contacts, arity: '0..*')
    val args
    val toolkit

    output:
    tuple val(run), path("${run.folder}model"), emit: model
    tuple val(task.process), eval('train --version'), topic: versions

    script:
    def batch = run.batch_size.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1) // 75: the GPU was full
    """
    train ${options(elements: elements, genes: genes, signals: signals, profiles: profiles)} \\
        ${options(expression: expression, contacts: contacts)} \\
        ${options(genome.collectEntries { file -> [file.simpleName, file] })} \\
        ${options(preset: run.preset, batch_size: batch, threads: task.cpus)} ${run.args} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "${run.folder}model")}
    """

    stub:
    """
    mkdir -p ${quote("${run.folder}model")}
    touch ${quote(['model.safetensors', 'config.json', 'history.parquet'].collect { name -> "${run.folder}model/${name}" })}
    """
}
