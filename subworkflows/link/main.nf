// Probabilities of links by a link model: of places, tracks, expression and loops, whatever network was trained.

include { link_models ; named_files ; place ; screen_to_fit } from '../files'
include { flags       } from '../shell'
include { pick ; tool } from '../study'
include { FIT_LINKS   } from '../../modules/fit-links'
include { SCORE_LINKS } from '../../modules/score-links'

workflow LINK {
    take:
    run // the parameters
    plan
    study
    code

    main:
    def screen = screen_to_fit(run)
    def screens = named_files(run.crispr)
    def known = place("${projectDir}/assets/link_models/known_expression.parquet")

    // [[cell with its store, files], whether its links are ranked]
    scenes = plan.flatMap { one -> one.scenes }.filter { run.link_model != 'none' }
        .map { scene -> [scene.meta.store, scene] }
        .combine(study, by: 0)
        .map { _store, scene, files ->
            [[scene.meta, pick(files, ['elements', 'genes', 'motif_hits'], scene.reads)], scene.links]
        }
    FIT_LINKS(
        scenes.map { given, _links -> given }.filter { meta, _files -> screen != null && meta.cell == run.crispr_cell },
        [screen ?: '', screens[screen] ?: []], known, tool(code, 'fit-links')
    )
    stores = plan.flatMap { one -> one.stores }
    fitted = FIT_LINKS.out.model.map { meta, model -> [meta.store, [model]] }
    scorers = screen != null ? fitted : stores.map { store -> [store, link_models(run, projectDir)] }
    // [cell with its store, files, link models]
    scoring = scenes.filter { _given, links -> links }.map { given, _links -> [given[0].store] + given }
        .combine(scorers, by: 0)
        .map { _store, meta, files, models -> [meta, files, models] }
    SCORE_LINKS(
        scoring, known, flags(run, [], [window: 'link_window', cutoff: 'link_cutoff']), tool(code, 'score-links')
    )

    emit:
    // for every point of the store, before what its models say
    links = SCORE_LINKS.out.links.map { meta, file -> [meta.store, file] }
        .combine(plan.flatMap { one -> one.points }.map { point -> [point.store, point] }, by: 0)
        .map { _store, file, point -> [[point: point, order: -3], file] }
}
