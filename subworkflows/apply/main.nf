// Predictions of every cell, links of the chosen ones, and the mean over the seeds of a point, a model of its own.

include { flags } from '../shell'
include { gather ; pick ; tool } from '../study'
include { ENSEMBLE } from '../../modules/ensemble'
include { INTERPRET } from '../../modules/interpret'
include { PREDICT } from '../../modules/predict'

workflow APPLY {
    take:
    run // the parameters
    plan
    study
    models
    code
    gpu_code

    main:
    tasks = plan.flatMap { one -> one.runs }
        .flatMap { one -> one.tasks.collect { task -> [one.meta, one.meta + task.meta, task.reads, task.links] } }
    // [[task, model, files], whether it ranks links]
    applied = models.combine(tasks, by: 0)
        .map { _run, model, meta, reads, links -> [meta.point.store, meta, model, reads, links] }
        .combine(study, by: 0)
        .map { _store, meta, model, reads, links, files ->
            [[meta, model, pick(files, ['elements', 'genes', 'sequence', 'motifs'], reads)], links]
        }
    ranking = applied.filter { _given, links -> links }.map { given, _links -> given } // [task, model, files]
    PREDICT(applied.map { given, _links -> given }, flags(run, ['device']), tool(gpu_code, 'predict'))
    INTERPRET(ranking, flags(run, ['device', 'more_scores'], [also: 'also_scores']), tool(gpu_code, 'interpret'))

    members = PREDICT.out.predictions.mix(INTERPRET.out.links).filter { meta, _file -> meta.mean }
        .map { meta, file -> [meta.mean + [cell: meta.cell], meta.order, file] }
    ENSEMBLE(gather(members), tool(code, 'ensemble'))

    emit:
    predictions = PREDICT.out.predictions.mix(ENSEMBLE.out.predictions)
    links = INTERPRET.out.links.mix(ENSEMBLE.out.links)
    ranked = ranking.join(INTERPRET.out.links) // [task, model, files, links]
}
