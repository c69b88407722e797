// What is asked of trained models beyond links: --explain, one process each.

include { place } from '../files'
include { flags ; several } from '../shell'
include { gather ; kind_of ; pick ; tool } from '../study'
include { ASK_MODEL as EMBED ; ASK_MODEL as MAP_ATTENTION              } from '../../modules/ask'
include { ASK_MODEL as MUTATE_ELEMENTS ; ASK_MODEL as SILENCE_TOGETHER } from '../../modules/ask'
include { ASK_STUDY as CLASSIFY_GENES ; ASK_STUDY as FIND_ACTIVE       } from '../../modules/ask'
include { ATTRIBUTE      } from '../../modules/attribute'
include { FIND_MOTIFS    } from '../../modules/find-motifs'
include { SCORE_VARIANTS } from '../../modules/score-variants'

workflow EXPLAIN {
    take:
    run // the parameters
    plan
    study
    ranked // [task, model, files, links]: each model in the cells whose links are ranked
    predictions // [task, file]
    code
    gpu_code

    main:
    def asked = (run.explain ?: '').tokenize(',').collect { word -> word.trim() }
    def given = ['fasta', 'motifs', 'motif_factors', 'variants']
        .collectEntries { name -> [name, run[name] ? place(run[name]) : []] }

    // with the expression of a cell where that is no secret: it stands beside the factors
    known = plan.flatMap { one -> one.scenes }
        .map { scene -> [[scene.meta.store, scene.meta.cell], scene.reads.expression] }
    // [task, model, files of the task, all that was prepared]
    tasks = ranked.map { meta, model, files, links -> [[meta.point.store, meta.cell], meta, model, files + [links]] }
        .combine(known, by: 0)
        .map { key, meta, model, files, cells -> [key[0], meta, model, files, cells] }
        .combine(study, by: 0)
        .map { _store, meta, model, files, cells, all ->
            def more = pick(all, ['sequence'], [expression: cells])
            [meta, model, (files + more).unique()]
        }
    explained = tasks.filter { 'contributions' in asked }
    ATTRIBUTE(
        explained, given.motifs,
        flags(run, ['device'], [ask_genes: 'genes', top: 'explain_top']), tool(gpu_code, 'attribute')
    )
    active = tasks.filter { 'motifs' in asked }
        .map { meta, _model, files -> [meta, pick(files, ['elements', 'genes', 'sequence', 'links', 'expression'])] }
    FIND_MOTIFS(active, given.motifs, given.motif_factors, '', tool(code, 'find-motifs'))
    // links are no input of what asks the network alone
    without_links = tasks
        .map { meta, model, files -> [meta, model, files.findAll { path -> kind_of(path) != 'links' }] }
    edited = without_links.filter { 'variants' in asked }
    // and all seeds of a point together: their mean and spread
    seeds = edited.filter { meta, _model, _files -> meta.mean }
        .map { meta, model, files -> [meta.mean + [cell: meta.cell], meta.order, model, files] }
    of_points = gather(seeds.map { key, order, model, _files -> [key, order, model] })
        .join(gather(seeds.map { key, order, _model, files -> [key, order, files] }))
        .map { key, models, files -> [key, models, files.unique()] }
    SCORE_VARIANTS(
        edited.mix(of_points), given.variants, given.fasta, given.motifs, flags(run, ['device']),
        tool(gpu_code, 'score-variants')
    )

    MUTATE_ELEMENTS(
        'mutate-elements', tasks.filter { 'mutations' in asked }, run.motifs ? ['motif_file'] : [], given.motifs,
        "${flags(run, ['device'], [ask_genes: 'genes', top: 'explain_top'])} --tokens 200000",
        tool(gpu_code, 'mutate-elements')
    )
    SILENCE_TOGETHER(
        'silence-together', without_links.filter { 'together' in asked }, [], [],
        "${flags(run, ['device'], [ask_genes: 'genes'])} --tokens 200000", tool(gpu_code, 'silence-together')
    )

    // what the network makes of elements and genes
    EMBED(
        'embed', without_links.filter { 'embeddings' in asked }, [], [],
        "${flags(run, ['device'])} --tokens 200000", tool(gpu_code, 'embed')
    )
    MAP_ATTENTION(
        'map-attention', without_links.filter { 'attention' in asked }, [], [],
        flags(run, ['device'], [ask_genes: 'genes']), tool(gpu_code, 'map-attention')
    )
    FIND_ACTIVE(
        'find-active',
        tasks.filter { 'active' in asked }.map { meta, _model, files -> [meta, pick(files, ['elements', 'links'])] },
        [], [], '', tool(code, 'find-active')
    )
    // also in cells kept out of training, as EVALUATE does: nothing learns from it
    measured = tasks.combine(predictions, by: 0)
        .map { meta, _model, files, predicted -> [meta.point.store, meta, files + [predicted]] }
        .combine(study, by: 0)
        .map { _store, meta, files, all ->
            def own = pick(files, ['elements', 'genes', 'signals', 'links', 'predictions'])
            [meta, own + pick(all, [], [expression: [meta.cell]])]
        }
        .filter { _meta, files -> files.any { path -> kind_of(path) == 'expression' } }
    CLASSIFY_GENES(
        'classify-genes', measured.filter { 'categories' in asked }, [], [], '', tool(code, 'classify-genes')
    )

    enriched = FIND_MOTIFS.out.motifs.map { meta, folder -> [meta, folder.resolve('enriched_motifs.parquet')] }

    whole = FIND_ACTIVE.out.results
        .mix(CLASSIFY_GENES.out.results, MUTATE_ELEMENTS.out.results, SILENCE_TOGETHER.out.results, EMBED.out.results)
        .flatMap { meta, files ->
            several(files).findAll { path -> path.extension == 'parquet' }.collect { path -> [meta, path] }
        }

    emit:
    answers = ATTRIBUTE.out.contributions // [task, file]
        .mix(ATTRIBUTE.out.logos, SCORE_VARIANTS.out.table, enriched, whole)
}
