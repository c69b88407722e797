// Once a genome: base codes and, with a motif file, motif scores of every element.
include { options ; quote } from '../../subworkflows/shell'

process SCORE_MOTIFS {
    tag "${reference.width} bp"
    label 'process_medium'

    input:
    tuple val(reference), path(elements)
    path fasta, stageAs: 'fasta/*'
    path motifs, stageAs: 'motifs/*'
    path factors, stageAs: 'factors/*'
    val args
    val toolkit

    output:
    tuple val(reference), path("${reference.folder}*.safetensors", arity: '1..2'), emit: genome // sequence and, with --motifs, motifs
    path "${reference.folder}motif_hits.parquet", emit: hits, optional: true // with the option --p-value
    tuple val(task.process), eval('score-motifs --version'), topic: versions
    tuple val(task.process), eval('shopt -s nullglob; sha256sum fasta/* motifs/* factors/*'), topic: inputs

    script:
    """
    score-motifs ${options(elements: elements, fasta: fasta, motifs: motifs, factors: factors, threads: task.cpus)} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "./${reference.folder}")}
    """

    stub:
    """
    mkdir -p ./${quote(reference.folder)}
    touch ${quote((motifs ? ['sequence', 'motifs'] : ['sequence']).collect { name -> "${reference.folder}${name}.safetensors" })}
    """
}
