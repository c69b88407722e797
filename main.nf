#!/usr/bin/env nextflow
// A samplesheet in, a report out: check -> prepare -> train -> predict -> interpret -> evaluate -> report.
// A plain run is a sweep of one point. A run is a point with a seed; runs share the elements of one width (reference),
// the tracks of one bin size (store) and the baselines of one split (protocol).
// Every process is called, with an empty channel where a run has no use for it: Nextflow numbers the `eval` outputs in the
// order of the calls, the number is part of a task's key, and a call in an `if` would re-run all below it.

include { absent ; cell_of ; check_choices ; flags ; gather ; link_models ; locate ; named_files ; of_mode ; of_point ; order_of ; own_presets ; place ; read_hidden ; read_runs ; rows_of ; say_tracks ; screen_to_fit ; select ; settings ; tables_of } from './subworkflows/parameters'
include { asks_for_text ; text_of } from './subworkflows/help'
include { check_resumed ; how_to_resume ; note_session } from './subworkflows/resume'
include { PROVENANCE ; multiqc_parameters ; multiqc_software } from './subworkflows/provenance'
include { TOOLKIT ; tool      } from './subworkflows/toolkit'
include { CHECK_SAMPLESHEET   } from './modules/check-samplesheet'
include { CHECK_SWEEP         } from './modules/check-sweep'
include { CHECK_FILES         } from './modules/check-files'
include { MERGE_CCRES         } from './modules/merge-ccres'
include { SCORE_MOTIFS        } from './modules/score-motifs'
include { EXTRACT_SIGNALS     } from './modules/extract-signals'
include { MATCH_QUANTILES     } from './modules/match-quantiles'
include { QUANTIFY_EXPRESSION } from './modules/quantify-expression'
include { BUILD_LOOPS         } from './modules/build-loops'
include { TRAIN               } from './modules/train'
include { PREDICT             } from './modules/predict'
include { INTERPRET           } from './modules/interpret'
include { ENSEMBLE            } from './modules/ensemble'
include { COMBINE_LINKS       } from './modules/combine-links'
include { FIT_LINKS           } from './modules/fit-links'
include { SCORE_LINKS         } from './modules/score-links'
include { FIT_BASELINES       } from './modules/fit-baselines'
include { EVALUATE            } from './modules/evaluate'
include { REPORT              } from './modules/report'
include { COMPARE             } from './modules/compare'
include { MEASURE_COMPLEXITY  } from './modules/measure-complexity'
include { MULTIQC             } from './modules/multiqc'

workflow {
    main:
    if (asks_for_text(params)) {
        println([text_of(params, projectDir), how_to_resume()].findAll().join('\n\n'))
        return
    }
    def run = settings(params, projectDir)
    check_resumed()
    def sheet = place(run.samplesheet)
    def fasta = run.fasta ? place(run.fasta) : []
    def chosen = run.interpret_cells?.tokenize(', ')
    def screens = named_files(run.crispr)
    def to_fit = screen_to_fit(run)
    def saved = named_files(run.model)
    def own_recipes = own_presets(run)
    check_choices(run, sheet)
    PROVENANCE(run)
    TOOLKIT(projectDir, run.device)
    code = TOOLKIT.out.code
    gpu_code = TOOLKIT.out.gpu_code

    // check: every fault of the samplesheet, then of the settings, at once, before anything else starts
    def applied_only = saved && !run.sweep ? '--no-training' : ''
    CHECK_SAMPLESHEET(sheet, absent(sheet), "${flags(run, ['tracks', 'target', 'holdout_cells', 'allow_missing_tracks'])} ${applied_only}", tool(code, 'check-samplesheet'))
    CHECK_SWEEP(
        CHECK_SAMPLESHEET.out.sheet, run.sweep ? place(run.sweep) : [], run.leave_out == 'chromosomes' ? place(run.gtf) : [], own_recipes, saved.keySet().toList(), saved.values().toList(),
        flags(run + [lacking: [sequence: run.fasta, motifs: run.motifs].findAll { _name, given -> !given }.keySet().join(',') ?: null], ['tracks', 'seeds', 'width', 'bin_size', 'holdout_cells', 'leave_out', 'biotypes', 'exclude_chromosomes', 'lacking']),
        flags(run + [preset: place(run.preset).name], (run.fold ? ['fold'] : ['val', 'test']) + ['preset', 'anchored', 'neighbours', 'window', 'expressed_factors', 'inputs', 'track_dropout', 'steps', 'batch_size', 'seed']),
        tool(code, 'check-sweep')
    )
    CHECK_SWEEP.out.runs.subscribe { _json -> note_session() }
    CHECK_SWEEP.out.runs.subscribe { json -> say_tracks(json) }
    runs = CHECK_SWEEP.out.runs.flatMap { json -> read_runs(json) }

    // then what the files hold that are small enough to be read before the start
    listed = CHECK_SWEEP.out.sheet.map { csv -> rows_of(csv) }
    def shared = run.ccres ? [place(run.ccres)] : []
    def beds = { all -> (shared + locate(select(all, ['ccres']), sheet)).unique { bed -> bed.toUriString() }.sort { bed -> bed.toUriString() } }
    def wanted = run.tracks.tokenize(', ')*.toLowerCase()
    CHECK_FILES(
        CHECK_SWEEP.out.sheet, listed.map { all -> tables_of(all) }.map { own -> [own, locate(own, sheet)] }, place(run.gtf),
        listed.map { all -> screens ? beds.call(all) : [] }, screens.keySet().toList(), screens.values().toList(),
        listed.map { all -> select(all, wanted).collect { row -> row.cell }.unique().findAll { cell -> !chosen || cell in chosen } },
        flags(run + [fit_links: to_fit], ['biotypes', 'exclude_chromosomes', 'crispr_cell', 'fit_links']), tool(code, 'check-files')
    )
    CHECK_FILES.out.warnings.subscribe { path -> path.readLines().each { warning -> log.warn(warning) } }
    rows = CHECK_FILES.out.sheet.map { csv -> rows_of(csv) }
    cells = rows.flatMap { all -> all.groupBy { row -> row.cell }.values() }

    // prepare: once a genome
    ccres = rows.map { all -> beds.call(all) }
    lengths = run.chrom_sizes ? place(run.chrom_sizes) : fasta
    blacklist = run.blacklist ? place(run.blacklist) : []
    references = runs.map { one -> one.reference }.unique()
    MERGE_CCRES(
        references, ccres, place(run.gtf), lengths, blacklist, run.tss_list ? place(run.tss_list) : [],
        run.chromosome_names ? place(run.chromosome_names) : [],
        flags(run, ['tss', 'biotypes', 'exclude_classes', 'exclude_chromosomes'], [method: 'merge_method']), tool(code, 'merge-ccres')
    )
    reference = MERGE_CCRES.out.reference
    SCORE_MOTIFS(
        reference.filter { run.fasta }.map { key, bed, _table -> [key, bed] }, fasta, run.motifs ? place(run.motifs) : [], run.motif_factors ? place(run.motif_factors) : [],
        flags(run, [], [mode: 'motif_mode']), tool(code, 'score-motifs')
    )
    genome = run.fasta ? SCORE_MOTIFS.out.genome.map { key, files -> [key, files.sort()] } : references.map { key -> [key, []] }
    if (!run.fasta) {
        log.info('No --fasta: no sequence and no motif channel, the model learns from the tracks alone.')
    }

    // prepare: once a cell
    stores = runs.map { one -> [one.reference, one.store] }.unique()
    tracks = cells.map { own -> select(own, wanted) }.filter { own -> own }
        .map { own -> [own[0].cell, own.collect { row -> row.assay }, locate(own, sheet)] }
    EXTRACT_SIGNALS(
        stores.combine(reference, by: 0).combine(tracks).map { _key, store, bed, table, cell, assays, files -> [store, cell, assays, files, bed, table] },
        flags(run + (run.transform == 'quantile' ? [transform: 'log10p1'] : [:]), ['transform', 'reads'], [replicates: 'track_replicates']), tool(code, 'extract-signals')
    )
    tables = cells.map { own -> select(own, ['rna', 'cage']) }.filter { own -> own }
        .map { own -> [own[0].cell, own[0].assay, own.collect { row -> row.column }, locate(own, sheet)] }
    QUANTIFY_EXPRESSION(
        reference.combine(tables).map { key, _bed, table, cell, assay, columns, files -> [key, cell, assay, columns, files, table] },
        place(run.gtf), flags(run, ['unit', 'scale', 'per_million'], [replicates: 'expression_replicates']), tool(code, 'quantify-expression')
    )
    loops = cells.map { own -> select(own, ['loops']) }.filter { own -> own }.map { own -> [own[0].cell, locate(own, sheet)] }
    def binning = ['bin_size', 'score', 'anchors', 'infinite', 'duplicates'].collectEntries { name -> [name, "loop_${name}"] }
    BUILD_LOOPS(reference.combine(loops).map { key, bed, _table, cell, files -> [key, cell, files, bed] }, flags(run, [], binning), tool(code, 'build-loops'))
    known = cells.filter { own -> own[0].role == 'train' }.map { own -> own[0].cell }.toSortedList()
    each = stores.map { _key, store -> store }
    raw = gather(EXTRACT_SIGNALS.out.signals, each).combine(gather(EXTRACT_SIGNALS.out.profiles, each), by: 0)
    MATCH_QUANTILES(raw.filter { run.transform == 'quantile' }, known, tool(code, 'match-quantiles'))
    def by_cell = { store, files -> files.collect { path -> [store, cell_of(path), path] } }
    def quantile = run.transform == 'quantile'
    signals = quantile ? MATCH_QUANTILES.out.signals.flatMap(by_cell) : EXTRACT_SIGNALS.out.signals
    profiles = quantile ? MATCH_QUANTILES.out.profiles.flatMap(by_cell) : EXTRACT_SIGNALS.out.profiles

    // all that the runs of a store may read
    prepared = stores.combine(reference, by: 0).combine(genome, by: 0)
        .combine(gather(QUANTIFY_EXPRESSION.out.expression, references), by: 0)
        .combine(gather(BUILD_LOOPS.out.contacts, references), by: 0)
        .map { _key, store, elements, genes, files, expression, contacts ->
            [store, [elements: elements, genes: genes, genome: files, expression: expression, contacts: contacts]]
        }
        .combine(gather(signals, stores.map { _key, store -> store }), by: 0)
        .combine(gather(profiles, stores.map { _key, store -> store }), by: 0)
        .map { store, data, own, genes -> [store, data + [signals: own, profiles: genes]] }

    // train on the cells whose expression may be seen; a saved model is only applied
    learning = runs.filter { one -> !one.trained }.map { one -> [one.store, one] }.combine(prepared, by: 0)
        .map { _store, one, data ->
            def seen = data.expression.collect { path -> cell_of(path) } - one.protocol.holdout
            def inside = { path -> cell_of(path) in seen }
            def recipe = own_recipes.findAll { path -> path.name == one.preset }
            [one, recipe, data.elements, data.genes, data.genome] + [data.signals, data.profiles, data.expression, data.contacts].collect { files -> files.findAll(inside) }
        }
    TRAIN(learning, flags(run, ['device']), tool(gpu_code, 'train'))
    models = TRAIN.out.model.mix(runs.filter { one -> one.trained }.map { one -> [one, saved[one.point]] })

    // predict every cell, rank the links of the chosen ones by direct models; expression that may be seen tells the factors of a cell
    applied = models.map { one, model -> [one.store, one, model] }.combine(signals, by: 0).combine(prepared, by: 0)
        .map { _store, one, model, cell, own, data ->
            def its_own = { path -> cell_of(path) == cell }
            def sees = one.args.contains('--expressed-factors') && !(cell in one.holdout)
            [one, cell, model, own, data.profiles.findAll(its_own), data.elements, data.genes, data.genome, sees ? data.expression.findAll(its_own) : [], data.contacts.findAll(its_own)]
        }
    // what the tracks that a new cell lacks are worth, in cells that have them
    hidden = CHECK_SWEEP.out.runs.flatMap { json -> read_hidden(json) }
    lacking = applied.combine(hidden, by: [0, 1]).map { all -> [all[-1]] + all[1..-2] }
    PREDICT(applied.mix(lacking), flags(run, ['device']), tool(gpu_code, 'predict'))
    INTERPRET(applied.filter { one -> one[0].mode == 'direct' && (!chosen || one[1] in chosen) }, "${flags(run, ['device'])} ${run.more_scores ? '--more-scores' : ''}", tool(gpu_code, 'interpret'))

    // the mean over the seeds of a point, direct or anchored, is a model of its own
    guesses = PREDICT.out.predictions.filter { one, _cell, _path -> !one.hidden }.map { one, cell, path -> [[of_mode(one), cell], order_of(one), path] }
    blind = PREDICT.out.predictions.filter { one, _cell, _path -> one.hidden }.map { one, _cell, path -> [of_point(one), order_of(one), path] }
    ranks = INTERPRET.out.links.map { one, cell, path -> [[of_mode(one), cell], order_of(one), path] }
    pairs = guesses.map { key, _seed, _path -> key }.unique()
    ENSEMBLE(
        gather(guesses, pairs).combine(gather(ranks, pairs), by: 0)
            .filter { _key, first, _second -> first.size() > 1 }
            .map { key, first, second -> key + [first, second] },
        tool(code, 'ensemble')
    )

    // evaluate beside the baselines, report: once a point
    points = runs.map { one -> of_point(one) }.unique()
    means = ENSEMBLE.out.predictions.map { key, _cell, path -> [of_point(key), key.mode == 'direct' ? -2 : -1, path] }
    predictions = gather(guesses.map { key, number, path -> [of_point(key[0]), number, path] }.mix(means).mix(blind), points)
    ranked = INTERPRET.out.links.mix(ENSEMBLE.out.links)
    COMBINE_LINKS(
        ranked.filter { run.combine_links }.map { one, cell, path -> [one.store, cell, one, path] }.combine(signals, by: [0, 1])
            .combine(prepared, by: 0)
            .map { _store, cell, one, path, own, data -> [one, cell, path, own, data.elements, data.genes] },
        flags(run, [], [window: 'combine_window']), tool(code, 'combine-links')
    )
    linked = run.combine_links ? COMBINE_LINKS.out.links : ranked

    // a link model reads places, tracks, expression and loops: once a cell, whatever network was trained
    def elsewhere = place("${projectDir}/assets/link_models/known_expression.parquet")
    seen = cells.filter { own -> own[0].role == 'train' }.map { own -> own[0].cell }.toList().map { names -> [names] }
    scenes = signals.filter { run.link_model != 'none' }.combine(prepared, by: 0).combine(seen).map { store, cell, own, data, names ->
        def its_own = { path -> cell_of(path) == cell }
        [store, cell, own, data.elements, data.genes, cell in names ? data.expression.findAll(its_own) : [], data.contacts.findAll(its_own)]
    }
    FIT_LINKS(scenes.filter { one -> to_fit != null && one[1] == run.crispr_cell }, [to_fit ?: '', screens[to_fit] ?: []], elsewhere, tool(code, 'fit-links'))
    scorers = to_fit != null ? FIT_LINKS.out.model : stores.map { _key, store -> [store, link_models(run, projectDir)] }
    SCORE_LINKS(
        scenes.filter { one -> !chosen || one[1] in chosen }.combine(scorers, by: 0), elsewhere,
        flags(run, [], [window: 'link_window', cutoff: 'link_cutoff']), tool(code, 'score-links')
    )
    probable = SCORE_LINKS.out.links.combine(points.map { point -> [point.store, point] }, by: 0).map { _store, _cell, path, point -> [point, -3, path] }
    links = gather(linked.map { one, _cell, path -> [of_point(one), one.seed != null ? order_of(one) : -1, path] }.mix(probable), points)
    told = predictions.combine(links, by: 0).map { point, first, second -> [point.store, point, first, second] }.combine(prepared, by: 0)
        .map { _store, point, first, second, data -> [point, data + [predictions: first, links: second]] }
    protocols = runs.map { one -> [one.store, one.protocol] }.unique()
    FIT_BASELINES(
        protocols.combine(prepared, by: 0)
            .filter { _store, protocol, data -> data.expression.any { path -> !(cell_of(path) in protocol.holdout) } } // else nothing to learn from
            .map { store, protocol, data -> [store, protocol, data.elements, data.genes, data.signals, data.profiles, data.expression] },
        flags(run, ['seed']), tool(code, 'fit-baselines')
    )
    // a saved model in cells without expression has no baselines, and is still scored on a screen
    yardsticks = gather(FIT_BASELINES.out.baselines.flatMap { store, protocol, files -> files.collect { path -> [[store, protocol], 0, path] } }, protocols)
    EVALUATE(
        told.map { point, data -> [[point.store, point.protocol], point, data] }.combine(yardsticks, by: 0)
            .filter { _key, _point, data, _baselines -> data.expression || screens }
            .map { _key, point, data, baselines -> [point, data.elements, data.genes, data.predictions, data.expression, baselines, data.links, data.signals] },
        screens.keySet().toList(), screens.values().toList(), flags(run, ['crispr_cell', 'seed']), tool(code, 'evaluate')
    )
    trained = gather(models.map { one, model -> [of_point(one), order_of(one), model] }, points)
    REPORT(
        told.combine(gather(EVALUATE.out.metrics.map { point, path -> [point, 0, path] }, points), by: 0)
            .combine(gather(EVALUATE.out.curves.map { point, path -> [point, 0, path] }, points), by: 0).combine(trained, by: 0)
            .map { point, data, metrics, curves, own ->
                [point, data.elements, data.genes, metrics, curves, data.predictions, data.expression, data.links, data.signals, data.contacts, own]
            },
        screens.keySet().toList(), screens.values().toList(), '', tool(code, 'report')
    )

    software = TOOLKIT.out.found.map { setup -> multiqc_software(setup) }
    MULTIQC(REPORT.out.multiqc.filter { run.multiqc }, place("${projectDir}/assets/multiqc_config.yml"), multiqc_parameters(run), software)

    several = EVALUATE.out.metrics.toSortedList { a, b -> a[0].point <=> b[0].point }.filter { list -> list.size() > 1 }
    COMPARE(
        CHECK_SWEEP.out.runs, several.map { list -> list.collect { entry -> entry[0].point } },
        several.map { list -> list.collect { entry -> entry[1] } }, tool(code, 'compare')
    )

    MEASURE_COMPLEXITY(
        CHECK_SWEEP.out.runs.filter { json -> run.complexity && read_runs(json).any { one -> !one.trained } }, own_recipes,
        genome.first().map { _key, files -> files }, flags(run, ['device']), tool(gpu_code, 'measure-complexity')
    )

    workflow.onComplete = {
        log.info(
            workflow.success
                ? "Done: open ${run.outdir}/${run.sweep || run.leave_out ? 'sweep' : 'report'}.html"
                : "Failed: the message above says what to fix; ${how_to_resume() ?: '-resume goes on from there'}"
        )
    }
}
