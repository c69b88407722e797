// Once a genome: base codes and, with a motif file, motif scores of every element.
process SCORE_MOTIFS {
    tag "${reference.width} bp"
    label 'process_medium'

    input:
    tuple val(reference), path(elements)
    path fasta
    path motifs
    path factors
    val args
    val toolkit

    output:
    tuple val(reference), path("${reference.folder}*.safetensors", arity: '1..2'), emit: genome // sequence and, with --motifs, motifs
    path "${reference.folder}motif_hits.parquet", emit: hits, optional: true // with the option --p-value
    tuple val(task.process), eval('score-motifs --version'), topic: versions
    tuple val(task.process), eval("sha256sum ${fasta} ${motifs ?: ''} ${factors ?: ''}"), topic: inputs

    script:
    """
    score-motifs --elements ${elements} --fasta ${fasta} ${motifs ? "--motifs ${motifs}" : ''} \\
        ${factors ? "--factors ${factors}" : ''} \\
        --threads ${task.cpus} ${args} ${task.ext.args ?: ''} --outdir ./${reference.folder}
    """

    stub:
    """
    mkdir -p ./${reference.folder}
    touch ${reference.folder}sequence.safetensors ${motifs ? "${reference.folder}motifs.safetensors" : ''}
    """
}
