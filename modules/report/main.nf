process REPORT {
    label 'process_low'

    input:
    tuple path(elements), path(genes)
    path metrics
    path curves, arity: '0..*'
    path predictions, arity: '1..*'
    path expression, arity: '1..*'
    path links, arity: '0..*'
    path signals, arity: '1..*'
    path contacts, arity: '0..*'
    path model
    path screens, stageAs: 'screen?/*', arity: '0..*'
    val args
    val toolkit

    output:
    path 'report.html', emit: html
    path 'summary.txt', emit: summary
    path '*_mqc.json', emit: multiqc
    path 'figures', emit: figures
    tuple val(task.process), eval('report --version'), topic: versions

    script:
    """
    report --elements ${elements} --genes ${genes} --metrics ${metrics} ${curves.collect { file -> "--curves ${file}" }.join(' ')} --model ${model} \\
        ${predictions.collect { file -> "--predictions ${file}" }.join(' ')} \\
        ${expression.collect { file -> "--expression ${file}" }.join(' ')} \\
        ${links.collect { file -> "--links ${file}" }.join(' ')} \\
        ${signals.collect { file -> "--signals ${file}" }.join(' ')} \\
        ${contacts.collect { file -> "--contacts ${file}" }.join(' ')} \\
        ${screens ? "--crispr ${screens[0]}" : ''} ${args} ${task.ext.args ?: ''} --outdir .
    """

    stub:
    """
    mkdir figures
    touch report.html summary.txt crexpress_mqc.json
    """
}
