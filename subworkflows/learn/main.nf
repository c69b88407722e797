// A model for every point, seed and mode, trained on cells whose expression may be seen; a saved one stands for itself.

include { named_files ; own_presets } from '../files'
include { flags } from '../shell'
include { pick ; tool } from '../study'
include { TRAIN } from '../../modules/train'

workflow LEARN {
    take:
    run // the parameters
    plan
    study
    gpu_code

    main:
    def saved = named_files(run.model)
    def recipes = own_presets(run)
    runs = plan.flatMap { one -> one.runs }
    // [run, its preset if that is the user's own, files]
    learning = runs.filter { one -> !one.model }.map { one -> [one.meta.point.store, one] }.combine(study, by: 0)
        .map { _store, one, files ->
            def recipe = recipes.findAll { path -> path.name == one.meta.preset }
            [one.meta, recipe, pick(files, ['elements', 'genes', 'sequence', 'motifs'], one.reads)]
        }
    TRAIN(learning, flags(run, ['device']), tool(gpu_code, 'train'))

    emit:
    models = TRAIN.out.model.mix(runs.filter { one -> one.model }.map { one -> [one.meta, saved[one.model]] })
}
