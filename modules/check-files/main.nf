// Expression tables, tracks, screens and variants, opened before anything starts: every fault in one message, and what
// is worth knowing.
include { named ; options ; with_faults } from '../../subworkflows/shell'

process CHECK_FILES {
    label 'process_low'

    input:
    tuple val(rows), path(tables, stageAs: 'table?/*', arity: '0..*')
    tuple val(signals), path(tracks, stageAs: 'track?/*', arity: '0..*')
    path gtf, stageAs: 'gtf/*'
    path sizes, stageAs: 'sizes/*' // for tracks and screens
    path ccres, stageAs: 'ccres?/*', arity: '0..*' // for screens
    val names
    path screens, stageAs: 'screen?/*', arity: '0..*'
    val cells // whose links the screens score
    path variants, stageAs: 'variants/*'
    path fasta, stageAs: 'fasta/*' // for variants
    val args
    val toolkit

    output:
    path 'warnings.txt', emit: warnings, optional: true
    path 'faults.txt', emit: faults
    tuple val(task.process), eval('check-files --version'), topic: versions

    script:
    def given = [rows, tables].transpose().collect { row, table ->
        [row.cell, row.assay, table.toString() + (row.column ? ":${row.column}" : '')]
    }
    def opened = [signals, tracks].transpose().collect { row, track -> [row.cell, row.assay, track.toString()] }
    def command = """
    check-files ${options(gtf: gtf, chrom_sizes: sizes, ccres: ccres, variants: variants, fasta: fasta)} \\
        ${options(crispr: named(names, screens), cells: cells.join(','))} \\
        ${options(table: given, track: opened)} ${args} ${task.ext.args ?: ''} --output warnings.txt
    """
    """
    ${with_faults(command)}
    """

    stub:
    """
    touch warnings.txt faults.txt
    """
}
