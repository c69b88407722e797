// Every fault of the samplesheet, the settings and the sweep in one message, before anything else starts, and all that
// there is to do laid out. A plain run is a sweep of one point. A stub run does this for real: it is quick.
include { named ; options ; quote ; with_faults } from '../../subworkflows/shell'

process MAKE_PLAN {
    label 'process_single'

    input:
    path sheet, stageAs: 'sheet/*'
    val absent
    path sweep, stageAs: 'sweep/*'
    path benchmarks, stageAs: 'benchmarks/*'
    path gtf, stageAs: 'gtf/*', arity: '0..*' // whose chromosomes are left out in turn, by the names of
    path genome, stageAs: 'genome/*', arity: '0..*' // where the annotation calls them otherwise, as the table says
    path chromosome_names, stageAs: 'names/*', arity: '0..*'
    path presets, arity: '0..*' // that the settings or the sweep may name
    val names
    path models, stageAs: 'model?/*', arity: '0..*'
    path known, stageAs: 'known/*', arity: '0..*' // samplesheet of cells that they may compare new ones with
    val args
    val settings
    val toolkit

    output:
    path 'plan.json', emit: plan, optional: true
    path 'runs.json', emit: runs, optional: true
    path 'samplesheet.validated.csv', emit: sheet, optional: true
    path 'faults.txt', emit: faults
    tuple val(task.process), eval('make-plan --version'), topic: versions
    tuple val(task.process), eval('sha256sum sheet/*'), topic: inputs

    script:
    def command = """
    make-plan ${options(samplesheet: sheet, sweep: sweep, model: named(names, models), known_cells: known)} \\
        --absent absent.txt ${options(benchmarks: benchmarks)} \\
        ${options(gtf: gtf, chrom_sizes: genome, chromosome_names: chromosome_names)} \\
        ${args} ${task.ext.args ?: ''} --outdir . -- ${settings}
    """
    """
    printf '%s\\n' ${quote(absent)} > absent.txt
    ${with_faults(command)}
    """
}
