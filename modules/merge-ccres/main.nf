// Once a width of elements.
include { options ; quote } from '../../subworkflows/shell'

process MERGE_CCRES {
    tag "${reference.width} bp"
    label 'process_low'

    input:
    val reference
    path ccres, stageAs: 'ccres?/*', arity: '1..*'
    path gtf, stageAs: 'gtf/*'
    path lengths, stageAs: 'lengths/*'
    path blacklist, stageAs: 'blacklist/*'
    path tss_list, stageAs: 'tss_list/*'
    path chromosome_names, stageAs: 'chromosome_names/*'
    val args
    val toolkit

    output:
    tuple val(reference), path("${reference.folder}*.parquet", arity: '2'), emit: reference // elements and genes
    path "${reference.folder}elements.bed.gz", emit: bed
    tuple val(task.process), eval('merge-ccres --version'), topic: versions
    tuple val(task.process), 
        eval('shopt -s nullglob; sha256sum ccres*/* gtf/* lengths/* blacklist/* tss_list/* chromosome_names/*'),
        topic: inputs

    script:
    def from_fasta = lengths.name ==~ /.*\.(fa|fna|fasta)(\.gz)?/
    """
    merge-ccres ${options(ccres: ccres, gtf: gtf, blacklist: blacklist, tss_list: tss_list, width: reference.width)} \\
        ${options(chromosome_names: chromosome_names)} \\
        ${options([(from_fasta ? 'fasta' : 'chrom_sizes'): lengths])} ${args} ${task.ext.args ?: ''} \\
        ${options(outdir: "./${reference.folder}")}
    """

    stub:
    """
    mkdir -p ./${quote(reference.folder)}
    touch ${quote(['elements.parquet', 'genes.parquet', 'elements.bed.gz'].collect { name -> reference.folder + name })}
    """
}
