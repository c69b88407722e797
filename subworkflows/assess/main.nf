// How good it is, beside the baselines; a report a point, and all points side by side.

include { makes_multiqc      } from '../engine'
include { benchmark_files ; named_files ; own_presets ; place } from '../files'
include { flags              } from '../shell'
include { gather ; kind_of ; known_cells ; of_cells ; pick ; tool } from '../study'
include { COMPARE            } from '../../modules/compare'
include { EVALUATE           } from '../../modules/evaluate'
include { FIT_BASELINES      } from '../../modules/fit-baselines'
include { MEASURE_COMPLEXITY } from '../../modules/measure-complexity'
include { MULTIQC ; multiqc_parameters ; multiqc_software } from '../../modules/multiqc'
include { PLOT_LOCUS         } from '../../modules/plot-locus'
include { REPORT             } from '../../modules/report'

workflow ASSESS {
    take:
    run // the parameters
    plan
    runs // runs.json
    study
    models
    results // predictions and links: [task, file]
    answers // of --explain, which the report alone shows: [task, file]
    setup // setup.json
    code
    gpu_code

    main:
    def screens = named_files(run.crispr)
    def screen_names = screens.keySet().toList()
    def screen_files = screens.values().toList()
    def sheet = run.benchmarks ? place(run.benchmarks) : []
    def sheet_files = run.benchmarks ? benchmark_files(sheet) : [:]
    points = plan.flatMap { one -> one.points }
    // known cells that came with a model are no cells of this run
    own_study = study.combine(plan.map { one -> [known_cells(one)] })
        .map { store, files, known -> [store, files.findAll { path -> !of_cells(path, known) }] }

    // [point, all files of its store, predictions and links]
    told = gather(results.map { meta, file -> [meta.point, meta.order, file] })
        .map { point, own -> [point.store, point, own] }
        .combine(own_study, by: 0)
        .map { _store, point, own, files -> [point, files + own] }
    // [split of genes and cells, files]
    splits = plan.flatMap { one -> one.protocols }.map { protocol -> [protocol.store, protocol] }
        .combine(own_study, by: 0)
        .map { _store, protocol, files ->
            [protocol, pick(files, ['elements', 'genes', 'signals', 'profiles', 'expression'])]
        }
    FIT_BASELINES(splits, flags(run, ['seed']), tool(code, 'fit-baselines'))
    baselines = points.map { point -> [point.protocol, point] }.combine(FIT_BASELINES.out.baselines, by: 0)
        .map { _protocol, point, files -> [point, 0, files] }

    // a saved model in cells without expression has no baselines, and is still scored on a screen or benchmarks
    def scored = ['elements', 'genes', 'predictions', 'expression', 'baselines', 'links', 'signals']
    scored += run.benchmarks ? ['contacts'] : []
    EVALUATE(
        gather(told.map { point, files -> [point, 0, files] }.mix(baselines))
            .filter { _point, files -> screens || sheet || files.any { path -> kind_of(path) == 'expression' } }
            .map { point, files -> [point, pick(files, scored)] },
        screen_names, screen_files, sheet, sheet_files.keySet().toList(), sheet_files.values().toList(),
        flags(run, ['crispr_cell', 'seed']), tool(code, 'evaluate')
    )
    figures = EVALUATE.out.metrics.mix(EVALUATE.out.curves).map { point, file -> [point, 0, file] }
    def shown = ['elements', 'genes', 'metrics', 'curves', 'predictions', 'expression', 'links', 'signals', 'contacts']
    shown += ['contributions', 'variants', 'enriched_motifs', 'mutations', 'active', 'categories', 'logos']
    shown += ['pairs', 'embedding']
    def attended = (run.explain ?: '').tokenize(', ').contains('attention') ? run.genes : null
    told_more = answers.map { meta, file -> [meta.point, meta.order, file] }
    // [point, models, files]
    told_with_figures = gather(models.map { meta, model -> [meta.point, meta.order, model] })
        .combine(gather(told.map { point, files -> [point, 0, files] }.mix(figures, told_more)), by: 0)
        .map { point, own, files -> [point, own, pick(files, shown)] }
    REPORT(
        told_with_figures, screen_names, screen_files,
        flags(run + [attended: attended], [], [explained: 'explain', explained_genes: 'attended']), tool(code, 'report')
    )
    def drawn = ['elements', 'genes', 'predictions', 'expression', 'links', 'signals', 'contacts']
    PLOT_LOCUS(
        told.map { point, files -> [point, pick(files, drawn)] }
            .filter { _point, files -> run.genes && files.any { path -> kind_of(path) == 'links' } },
        screen_names, screen_files, flags(run, [], [ask_genes: 'genes']), tool(code, 'plot-locus')
    )

    MULTIQC(
        REPORT.out.multiqc.filter { makes_multiqc(run) },
        [place("${projectDir}/assets/multiqc_config.yml")] + (run.multiqc_config ? [place(run.multiqc_config)] : []),
        run.multiqc_logo ? [place(run.multiqc_logo)] : [], run.multiqc_title ?: '',
        multiqc_parameters(run), setup.map { found -> multiqc_software(found) }
    )
    several = EVALUATE.out.metrics.toSortedList { a, b -> a[0].name <=> b[0].name }.filter { list -> list.size() > 1 }
    COMPARE(
        runs, several.map { list -> list.collect { point, _file -> point.name } },
        several.map { list -> list.collect { _point, file -> file } }, tool(code, 'compare')
    )
    genome = plan.map { one -> [one.stores[0]] }.combine(study, by: 0)
        .map { _store, files -> pick(files, ['sequence', 'motifs']) }
        .first()
    def trains = { json -> new groovy.json.JsonSlurper().parse(json).any { one -> !one.trained } }
    MEASURE_COMPLEXITY(
        runs.filter { json -> run.complexity && trains.call(json) }, own_presets(run), genome, flags(run, ['device']),
        tool(gpu_code, 'measure-complexity')
    )
}
