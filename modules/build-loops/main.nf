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
    tuple val(task.process), eval("sha256sum ${loops.join(' ')}"), topic: inputs

    script:
    """
    build-loops --cell ${cell} --elements ${elements} ${loops.collect { file -> "--loops ${file}" }.join(' ')} \\
        ${args} ${task.ext.args ?: ''} --output ${reference.folder}contacts.${cell}.npz
    """

    stub:
    """
    mkdir -p ./${reference.folder}
    touch ${reference.folder}contacts.${cell}.npz
    """
}
