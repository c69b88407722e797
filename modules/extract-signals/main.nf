process EXTRACT_SIGNALS {
    tag "${cell}"
    label 'process_low'

    input:
    tuple val(store), val(cell), val(tracks), path(bigwigs, stageAs: 'track?/*', arity: '1..*'), path(elements)
    val args
    val toolkit

    output:
    tuple val(store), val(cell), path("${store.folder}signals.${cell}.safetensors"), emit: signals
    tuple val(task.process), eval('extract-signals --version'), topic: versions
    tuple val(task.process), eval("sha256sum ${bigwigs.join(' ')}"), topic: inputs

    script:
    def named = [tracks, bigwigs].transpose().collect { track, bigwig -> "--track ${track}=${bigwig}" }
    """
    extract-signals --cell ${cell} --elements ${elements} ${named.join(' ')} --bin-size ${store.bin_size} ${args} ${task.ext.args ?: ''} \\
        --output ${store.folder}signals.${cell}.safetensors
    """

    stub:
    """
    mkdir -p ./${store.folder}
    touch ${store.folder}signals.${cell}.safetensors
    """
}
