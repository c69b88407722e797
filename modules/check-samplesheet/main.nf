// Every fault of the samplesheet in one message, before anything else starts. A stub run checks for real: it is quick.
include { options ; quote } from '../../subworkflows/shell'

process CHECK_SAMPLESHEET {
    label 'process_single'

    input:
    path sheet, stageAs: 'sheet/*'
    val absent
    val args
    val toolkit

    output:
    path 'samplesheet.validated.csv', emit: sheet
    tuple val(task.process), eval('check-samplesheet --version'), topic: versions
    tuple val(task.process), eval('sha256sum sheet/*'), topic: inputs

    script:
    """
    printf '%s\\n' ${quote(absent)} > absent.txt
    check-samplesheet ${options(samplesheet: sheet)} --absent absent.txt ${args} ${task.ext.args ?: ''} \\
        --output samplesheet.validated.csv
    """
}
