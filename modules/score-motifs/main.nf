// Once a genome: base codes and, with a motif file, motif scores of every element.
process SCORE_MOTIFS {
    label 'process_medium'

    input:
    path elements
    path fasta
    path motifs
    path factors
    val args
    val toolkit

    output:
    path '*.safetensors', emit: genome, arity: '1..2' // sequence and, with --motifs, motifs
    path 'motif_hits.parquet', emit: hits, optional: true // with the option --p-value
    tuple val(task.process), eval('score-motifs --version'), topic: versions
    tuple val(task.process), eval("sha256sum ${fasta} ${motifs ?: ''} ${factors ?: ''}"), topic: inputs

    script:
    """
    score-motifs --elements ${elements} --fasta ${fasta} ${motifs ? "--motifs ${motifs}" : ''} \\
        ${factors ? "--factors ${factors}" : ''} \\
        --threads ${task.cpus} ${args} ${task.ext.args ?: ''}
    """

    stub:
    """
    touch sequence.safetensors ${motifs ? 'motifs.safetensors' : ''}
    """
}
