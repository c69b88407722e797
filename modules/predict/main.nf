include { options ; quote } from '../../subworkflows/shell'

process PREDICT {
    tag "${[run.label, cell].findAll().join(' ')}"
    label 'process_gpu'

    input:
    tuple val(run), val(cell), path(model), path(signals), path(profiles), path(elements), path(genes), path(genome, arity: '0..*'), path(expression, arity: '0..*'), path(contacts, arity: '0..*')
    val args
    val toolkit

    output:
    tuple val(run), val(cell), path("${run.folder}predictions/predictions.${cell}.parquet"), emit: predictions
    tuple val(task.process), eval('predict --version'), topic: versions

    script:
    def batch = 256.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    predict ${options(model: model, elements: elements, genes: genes, signals: signals, profiles: profiles)} \\
        ${options(expression: expression, contacts: contacts)} \\
        ${options(genome.collectEntries { file -> [file.simpleName, file] })} \\
        --batch-size ${batch} --threads ${task.cpus} ${run.split} ${options(hide_tracks: run.hidden)} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "${run.folder}predictions")}
    """

    stub:
    """
    mkdir -p ${quote("${run.folder}predictions")}
    touch ${quote("${run.folder}predictions/predictions.${cell}.parquet")}
    """
}
