include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process BUILD_LOOPS {
    tag "${meta.cell}"
    label 'process_low'

    input:
    tuple val(meta), path(loops, stageAs: 'loops?/*', arity: '1..*'), path(study, stageAs: 'study/?/*', arity: '1..*')
    val args
    val toolkit

    output:
    tuple val(meta), path("${meta.reference.folder}contacts.${meta.cell}.npz"), emit: contacts
    tuple val(task.process), eval('build-loops --version'), topic: versions
    tuple val(task.process), eval('sha256sum loops*/*'), topic: inputs

    script:
    """
    build-loops ${options(by_kind(study) + [cell: meta.cell, loops: loops])} ${args} ${task.ext.args ?: ''} \\
        ${options(output: "${meta.reference.folder}contacts.${meta.cell}.npz")}
    """

    stub:
    """
    mkdir -p ./${quote(meta.reference.folder)}
    touch ${quote("${meta.reference.folder}contacts.${meta.cell}.npz")}
    """
}
