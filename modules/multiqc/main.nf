// The page that other pipelines end with: a point's figures, the parameters and the versions. Made where --multiqc asks for it.
process MULTIQC {
    tag "${point.point}"
    label 'process_single'

    input:
    tuple val(point), path(figures, arity: '1..*')
    path config
    val parameters
    val software

    output:
    path "${point.folder}multiqc/multiqc_report.html", emit: html
    path "${point.folder}multiqc/multiqc_report_data", emit: data
    tuple val(task.process), eval('multiqc --version'), topic: versions

    script:
    """
    cat > parameters_mqc.json <<'END'
    ${parameters}
    END
    cat > software_mqc_versions.yml <<'END'
    ${software}
    END
    mkdir -p ./${point.folder}multiqc
    multiqc --config ${config} ${task.ext.args ?: ''} --outdir ./${point.folder}multiqc --filename multiqc_report.html .
    """

    stub:
    """
    mkdir -p ${point.folder}multiqc/multiqc_report_data
    touch ${point.folder}multiqc/multiqc_report.html
    """
}
