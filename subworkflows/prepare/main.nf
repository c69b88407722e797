// The elements, genes and genome once a width of elements; tracks, expression and loops once a cell.

include { place } from '../files'
include { flags } from '../shell'
include { gather ; known_cells ; located ; pick ; tool } from '../study'
include { BUILD_LOOPS         } from '../../modules/build-loops'
include { EXTRACT_SIGNALS     } from '../../modules/extract-signals'
include { MATCH_QUANTILES     } from '../../modules/match-quantiles'
include { MERGE_CCRES         } from '../../modules/merge-ccres'
include { QUANTIFY_EXPRESSION } from '../../modules/quantify-expression'
include { SCORE_MOTIFS        } from '../../modules/score-motifs'

workflow PREPARE {
    take:
    run // the parameters
    plan
    code

    main:
    def names = ['chrom_sizes', 'fasta', 'blacklist', 'tss_list', 'chromosome_names', 'motifs', 'motif_factors']
    def asked = names.collectEntries { name -> [name, run[name] ? place(run[name]) : []] }
    references = plan.flatMap { one -> one.references } // reference: width and folder
    stores = plan.flatMap { one -> one.stores } // store: reference, bin size and folder
    cells = plan.flatMap { one -> one.cells } // cell: role, and rows of tracks, expression and loops

    MERGE_CCRES(
        references, plan.map { one -> one.ccres }, place(run.gtf), asked.chrom_sizes ?: asked.fasta,
        asked.blacklist, asked.tss_list, asked.chromosome_names,
        flags(run, ['tss', 'biotypes', 'exclude_classes', 'exclude_chromosomes'], [method: 'merge_method']),
        tool(code, 'merge-ccres')
    )
    reference = MERGE_CCRES.out.reference // [reference, elements and genes]
    SCORE_MOTIFS(
        reference.filter { run.fasta }.map { one, files -> [one, pick(files, ['elements'])] },
        asked.fasta, asked.motifs, asked.motif_factors,
        flags(run, [], [mode: 'motif_mode', p_value: 'motif_p_value']), tool(code, 'score-motifs')
    )
    if (!run.fasta) {
        def does = run.model ? 'models are given the tracks' : 'the model learns from the tracks'
        log.info("No --fasta: no sequence and no motif channel, ${does} alone.")
    }

    // [cell with its store and assays, bigWigs, elements and genes]
    tracks = stores.combine(cells).filter { _store, cell -> cell.tracks }
        .map { store, cell ->
            def meta = [cell: cell.cell, store: store, tracks: cell.tracks.collect { row -> row.assay }]
            [store.reference, meta, located(cell.tracks)]
        }
        .combine(reference, by: 0)
        .map { _reference, meta, bigwigs, files -> [meta, bigwigs, pick(files, ['elements', 'genes'])] }
    EXTRACT_SIGNALS(
        tracks,
        flags(
            run + (run.transform == 'quantile' ? [transform: 'log10p1'] : [:]),
            ['transform', 'reads'], [replicates: 'track_replicates']
        ),
        tool(code, 'extract-signals')
    )
    // [cell with its reference, tables, genes]
    tables = reference.combine(cells).filter { _reference, _files, cell -> cell.expression }
        .map { one, files, cell ->
            def rows = cell.expression
            def columns = rows.collect { row -> row.column }
            def meta = [cell: cell.cell, reference: one, assay: rows[0].assay, columns: columns]
            [meta, located(rows), pick(files, ['genes'])]
        }
    QUANTIFY_EXPRESSION(
        tables, place(run.gtf), flags(run, ['unit', 'scale', 'per_million'], [replicates: 'expression_replicates']),
        tool(code, 'quantify-expression')
    )
    // [cell with its reference, loops, elements]
    loops = reference.combine(cells).filter { _reference, _files, cell -> cell.loops }
        .map { one, files, cell -> [[cell: cell.cell, reference: one], located(cell.loops), pick(files, ['elements'])] }
    def binning = ['bin_size', 'score', 'anchors', 'infinite', 'duplicates']
        .collectEntries { name -> [name, "loop_${name}"] }
    BUILD_LOOPS(loops, flags(run, [], binning), tool(code, 'build-loops'))

    raw = EXTRACT_SIGNALS.out.signals.mix(EXTRACT_SIGNALS.out.profiles)
        .combine(plan.map { one -> [known_cells(one)] })
        .map { meta, file, known -> [meta.store, 0, file, meta.cell in known] }
    // the distribution to match is that of the known cells that come with a model
    known = raw.filter { _store, _order, _file, is_known -> is_known }
        .map { store, order, file, _known -> [store, order, file] }
    own = raw.filter { _store, _order, _file, is_known -> !is_known }
        .map { store, order, file, _known -> [store, order, file] }
    MATCH_QUANTILES(
        gather(own).filter { run.transform == 'quantile' },
        plan.map { one -> one.cells.findAll { cell -> cell.role == 'train' }.collect { cell -> cell.cell } },
        run.quantiles ? place(run.quantiles) : [], tool(code, 'match-quantiles')
    )
    matched = MATCH_QUANTILES.out.signals.mix(MATCH_QUANTILES.out.profiles).map { store, files -> [store, 0, files] }

    of_genome = reference.mix(SCORE_MOTIFS.out.genome, SCORE_MOTIFS.out.hits)
    of_cells = QUANTIFY_EXPRESSION.out.expression.mix(BUILD_LOOPS.out.contacts)
        .map { meta, file -> [meta.reference, file] }
    of_reference = gather(of_genome.mix(of_cells).map { one, files -> [one, 0, files] }) // [reference, files]
    shared = stores.map { store -> [store.reference, store] }.combine(of_reference, by: 0)
        .map { _reference, store, files -> [store, 0, files] }

    emit:
    study = gather(shared.mix(known, run.transform == 'quantile' ? matched : own))
}
