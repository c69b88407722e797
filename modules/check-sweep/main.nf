// A plain run is a sweep of one point: every fault of the settings in one message, and the runs laid out.
include { named ; options } from '../../subworkflows/shell'

process CHECK_SWEEP {
    label 'process_single'

    input:
    path sheet
    path sweep, stageAs: 'sweep/*'
    path gtf, stageAs: 'gtf/*', arity: '0..*'
    path presets, arity: '0..*' // that the sweep may name
    val names
    path models, stageAs: 'model?/*', arity: '0..*'
    val args
    val settings
    val toolkit

    output:
    path 'runs.json', emit: runs
    path sheet, includeInputs: true, emit: sheet // handed on, so that nothing starts before both are sound
    tuple val(task.process), eval('check-sweep --version'), topic: versions

    script:
    """
    check-sweep ${options(samplesheet: sheet, sweep: sweep, gtf: gtf, model: named(names, models))} \\
        ${args} ${task.ext.args ?: ''} --output runs.json -- ${settings}
    """
}
