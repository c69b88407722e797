process MERGE_CCRES {
    label 'process_low'

    input:
    path ccres, stageAs: 'ccres?/*', arity: '1..*'
    path gtf
    path lengths
    path blacklist
    path tss_list
    val args
    val toolkit

    output:
    path 'elements.parquet', emit: elements
    path 'genes.parquet', emit: genes
    tuple path('elements.parquet'), path('genes.parquet'), emit: reference
    path 'elements.bed.gz', emit: bed
    tuple val(task.process), eval('merge-ccres --version'), topic: versions
    tuple val(task.process), eval("sha256sum ${ccres.join(' ')} ${gtf} ${lengths} ${blacklist ?: ''} ${tss_list ?: ''}"), topic: inputs

    script:
    def from_fasta = lengths.name ==~ /.*\.(fa|fna|fasta)(\.gz)?/
    """
    merge-ccres ${ccres.collect { bed -> "--ccres ${bed}" }.join(' ')} --gtf ${gtf} \\
        ${from_fasta ? '--fasta' : '--chrom-sizes'} ${lengths} ${blacklist ? "--blacklist ${blacklist}" : ''} \\
        ${tss_list ? "--tss-list ${tss_list}" : ''} ${args} ${task.ext.args ?: ''}
    """

    stub:
    """
    touch elements.parquet genes.parquet elements.bed.gz
    """
}
