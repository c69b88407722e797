// Trained models that are given in place of training: what they have fixed.

/** What the user gives otherwise than saved models have it; `given` tells whether a parameter is the user's own. */
def against_models(run, models, given) {
    def configs = configs_of(models)
    def label = run.preset.endsWith('.json') ? run.preset.tokenize('/').last() - ~/\.json$/ : run.preset
    def of_model = ['width', 'bin_size', 'neighbours', 'window', 'expressed_factors', 'track_dropout', 'anchored']
    def fixed = of_model.collectEntries { name -> [name, configs.collect { config -> config.model[name] }] } + [
        steps: configs.collect { config -> config.training.steps },
        preset: configs.collect { config -> config.preset },
    ]
    def values = run + [preset: label]
    def asked = fixed.findAll { name, _trained -> values[name] != null && given.call(name) }
    def faults = asked.collectMany { name, trained ->
        def known = trained.findAll { value -> value != null }
        def other = known.findAll { value -> !alike(value, values[name]) }
        // a direct and an anchored model go together: that one of them is as asked is enough
        def wrong = name == 'anchored' && other.size() < known.size() ? [] : other.unique()
        def held = wrong.join(' and ')
        wrong ? ["--${name} is ${values[name]}, but --model was trained with ${held}, which holds: leave it out"] : []
    }
    def reads = ['sequence', 'motifs', 'tracks'].findAll { name -> configs.any { config -> config.model[name] } }
    if (run.inputs && given.call('inputs') && reads - run.inputs.tokenize(', ')) {
        faults << "--inputs is ${run.inputs}, but --model reads ${reads.join(', ')}, which holds: leave it out"
    }
    if (configs && run.seeds && given.call('seeds')) {
        faults << '--seeds is of training, and --model is trained already: leave it out'
    }
    return faults
}

/** Whether a value of a config.json and one that is given are the same; 0.1 is 0.10. */
def alike(one, other) {
    def (a, b) = [one, other].collect { value -> value.toString() }
    return a == b || (a.isNumber() && b.isNumber() && a.toDouble() == b.toDouble())
}

/** Tracks that any of these trained models reads, "dnase,ctcf"; empty where none says so. */
def tracks_of(models) {
    return configs_of(models).collectMany { config -> config.model.tracks ?: [] }.unique().join(',')
}

/** config.json of each of these trained models that has one. */
def configs_of(models) {
    return models.collect { model -> model.resolve('config.json') }.findAll { config -> config.exists() }
        .collect { config -> [model: [:], training: [:]] + new groovy.json.JsonSlurper().parseText(config.text) }
}
