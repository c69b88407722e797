// Once a width of elements.
process MERGE_CCRES {
    tag "${reference.width} bp"
    label 'process_low'

    input:
    val reference
    path ccres, stageAs: 'ccres?/*', arity: '1..*'
    path gtf
    path lengths
    path blacklist
    path tss_list
    path chromosome_names
    val args
    val toolkit

    output:
    tuple val(reference), path("${reference.folder}elements.parquet"), path("${reference.folder}genes.parquet"), emit: reference
    path "${reference.folder}elements.bed.gz", emit: bed
    tuple val(task.process), eval('merge-ccres --version'), topic: versions
    tuple val(task.process), eval("sha256sum ${ccres.join(' ')} ${gtf} ${lengths} ${blacklist ?: ''} ${tss_list ?: ''} ${chromosome_names ?: ''}"), topic: inputs

    script:
    def from_fasta = lengths.name ==~ /.*\.(fa|fna|fasta)(\.gz)?/
    """
    merge-ccres ${ccres.collect { bed -> "--ccres ${bed}" }.join(' ')} --gtf ${gtf} \\
        ${from_fasta ? '--fasta' : '--chrom-sizes'} ${lengths} ${blacklist ? "--blacklist ${blacklist}" : ''} \\
        ${tss_list ? "--tss-list ${tss_list}" : ''} ${chromosome_names ? "--chromosome-names ${chromosome_names}" : ''} \\
        --width ${reference.width} ${args} ${task.ext.args ?: ''} --outdir ./${reference.folder}
    """

    stub:
    """
    mkdir -p ./${reference.folder}
    touch ${['elements.parquet', 'genes.parquet', 'elements.bed.gz'].collect { name -> reference.folder + name }.join(' ')}
    """
}
