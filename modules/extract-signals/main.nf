process EXTRACT_SIGNALS {
    tag "${cell}"
    label 'process_low'

    input:
    tuple val(cell), val(tracks), path(bigwigs, stageAs: 'track?/*', arity: '1..*')
    path elements
    val args
    val toolkit

    output:
    tuple val(cell), path("signals.${cell}.safetensors"), emit: signals
    tuple val(task.process), eval('extract-signals --version'), topic: versions
    tuple val(task.process), eval("sha256sum ${bigwigs.join(' ')}"), topic: inputs

    script:
    def named = [tracks, bigwigs].transpose().collect { track, bigwig -> "--track ${track}=${bigwig}" }
    """
    extract-signals --cell ${cell} --elements ${elements} ${named.join(' ')} ${args} ${task.ext.args ?: ''}
    """

    stub:
    """
    touch signals.${cell}.safetensors
    """
}
