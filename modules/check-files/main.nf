// Expression tables and screens are opened before anything starts: every fault in one message, and what a user should know.
include { named ; options ; quote } from '../../subworkflows/shell'

process CHECK_FILES {
    label 'process_low'

    input:
    path sheet
    tuple val(rows), path(tables, stageAs: 'table?/*', arity: '0..*')
    path gtf, stageAs: 'gtf/*'
    path ccres, stageAs: 'ccres?/*', arity: '0..*' // for screens
    val names
    path screens, stageAs: 'screen?/*', arity: '0..*'
    val cells // whose links the screens score
    val args
    val toolkit

    output:
    path sheet, includeInputs: true, emit: sheet // handed on, so that nothing starts before the files are sound
    path 'warnings.txt', emit: warnings
    tuple val(task.process), eval('check-files --version'), topic: versions

    script:
    def words = [rows, tables].transpose().collectMany { row, table ->
        ['--table', row.cell, row.assay, table.toString() + (row.column ? ":${row.column}" : '')]
    }
    """
    check-files ${options(gtf: gtf, ccres: ccres, crispr: named(names, screens), cells: cells.join(','))} \\
        ${quote(words)} ${args} ${task.ext.args ?: ''} --output warnings.txt
    """

    stub:
    """
    touch warnings.txt
    """
}
