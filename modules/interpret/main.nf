include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process INTERPRET {
    tag "${[run.label, run.cell].findAll().join(' ')}"
    label 'process_gpu'

    input:
    tuple val(run), path(model, stageAs: 'trained/*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    val args
    val toolkit

    output:
    tuple val(run), path("${run.folder}links/links.${run.cell}.parquet"), emit: links
    tuple val(run), path("${run.folder}links/links.${run.cell}.bedpe.gz"), emit: bedpe
    tuple val(task.process), eval('interpret --version'), topic: versions

    script:
    def tokens = 200000.intdiv(task.previousTrace?.exit == 75 ? 2 ** (task.attempt - 1) : 1)
    """
    interpret ${options(by_kind(study) + [model: model])} \\
        --tokens ${tokens} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "${run.folder}links")}
    """

    stub:
    """
    mkdir -p ${quote("${run.folder}links")}
    touch ${quote(['parquet', 'bedpe.gz'].collect { kind -> "${run.folder}links/links.${run.cell}.${kind}" })}
    """
}
