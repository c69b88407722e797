// Once a genome: base codes and, with a motif file, motif scores of every element.
include { options ; quote } from '../../subworkflows/shell'
include { by_kind } from '../../subworkflows/study'

process SCORE_MOTIFS {
    tag "${reference.width} bp"
    label 'process_medium'

    input:
    tuple val(reference), path(study, stageAs: 'study/?/*', arity: '1..*')
    path fasta, stageAs: 'fasta/*'
    path motifs, stageAs: 'motifs/*'
    path factors, stageAs: 'factors/*'
    val args
    val toolkit

    output:
    // sequence and, with --motifs, motifs
    tuple val(reference), path("${reference.folder}*.safetensors", arity: '1..2'), emit: genome
    // with --p-value
    tuple val(reference), path("${reference.folder}motif_hits.parquet"), emit: hits, optional: true
    tuple val(task.process), eval('score-motifs --version'), topic: versions
    tuple val(task.process), eval('shopt -s nullglob; sha256sum fasta/* motifs/* factors/*'), topic: inputs

    script:
    """
    score-motifs ${options(by_kind(study) + [fasta: fasta, motifs: motifs, factors: factors, threads: task.cpus])} \\
        ${args} ${task.ext.args ?: ''} ${options(outdir: "./${reference.folder}")}
    """

    stub:
    def hits = args.contains('--p-value')
    def made = ['sequence.safetensors', motifs ? 'motifs.safetensors' : null, hits ? 'motif_hits.parquet' : null]
    """
    mkdir -p ./${quote(reference.folder)}
    touch ${quote(made.findAll().collect { name -> "${reference.folder}${name}" })}
    """
}
