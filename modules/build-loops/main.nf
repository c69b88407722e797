include { options ; quote } from '../../subworkflows/shell'

process BUILD_LOOPS {
    tag "${cell}"
    label 'process_low'

    input:
    tuple val(reference), val(cell), path(loops, stageAs: 'loops?/*', arity: '1..*'), path(elements)
    val args
    val toolkit

    output:
    tuple val(reference), val(cell), path("${reference.folder}contacts.${cell}.npz"), emit: contacts
    tuple val(task.process), eval('build-loops --version'), topic: versions
    tuple val(task.process), eval('sha256sum loops*/*'), topic: inputs

    script:
    """
    build-loops ${options(cell: cell, elements: elements, loops: loops)} ${args} ${task.ext.args ?: ''} \\
        ${options(output: "${reference.folder}contacts.${cell}.npz")}
    """

    stub:
    """
    mkdir -p ./${quote(reference.folder)}
    touch ${quote("${reference.folder}contacts.${cell}.npz")}
    """
}
