// The page that other pipelines end with: figures of a point, parameters, versions. Made where multiqc is at hand, or
// by --multiqc.
include { options ; quote } from '../../subworkflows/shell'

process MULTIQC {
    tag "${point.name}"
    label 'process_single'

    input:
    tuple val(point), path(figures, arity: '1..*')
    path configs, stageAs: 'config?/*', arity: '1..*' // the last goes first
    path logo, stageAs: 'logo/*', arity: '0..*'
    val title
    val parameters
    val software

    output:
    path "${point.folder}multiqc/multiqc_report.html", emit: html
    path "${point.folder}multiqc/multiqc_report_data", emit: data
    tuple val(task.process), eval('multiqc --version'), topic: versions

    script:
    """
    printf '%s\\n' ${quote(parameters)} > parameters_mqc.json
    printf '%s\\n' ${quote(software)} > software_mqc_versions.yml
    mkdir -p ${quote("./${point.folder}multiqc")}
    multiqc ${options(config: configs, title: title ?: null, cl_config: logo_setting(logo))} \\
        ${options(outdir: "./${point.folder}multiqc")} ${task.ext.args ?: ''} \\
        --filename multiqc_report.html .
    """

    stub:
    """
    mkdir -p ${quote("${point.folder}multiqc/multiqc_report_data")}
    touch ${quote("${point.folder}multiqc/multiqc_report.html")}
    """
}

/** Where MultiQC finds the logo, as a line of its configuration. */
def logo_setting(logo) {
    return logo ? groovy.json.JsonOutput.toJson([custom_logo: logo[0].toString()]) : null
}

/** The parameters that are set, as a part of MultiQC's page. */
def multiqc_parameters(run) {
    def lines = run.findAll { name, value -> value != null && name != 'hook_url' }.collect { name, value ->
        "<dt>${name}</dt><dd><samp>${value.toString().replace('&', '&amp;').replace('<', '&lt;')}</samp></dd>"
    }
    def page = "<dl class=\"dl-horizontal\">${lines.join('')}</dl>".toString()
    def about = [id: 'crexpress-crexpress-summary', section_name: 'Parameters', plot_type: 'html']
    return groovy.json.JsonOutput.toJson(about + [data: page])
}

/** The versions in a setup.json, as MultiQC lists software. */
def multiqc_software(setup) {
    def found = new groovy.json.JsonSlurper().parseText(setup.text)
    def own = [crexpress: found.crexpress, Nextflow: workflow.nextflow.version.toString(), Python: found.python]
    return groovy.json.JsonOutput.toJson([Workflow: own, Packages: found.packages])
}
