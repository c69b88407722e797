// Where tasks run: what is wrong there and known before the first one starts, and what an engine says of its images.

/** Faults of the engine, its images and the queues, each with what to do; `run` as settings() typed it. */
def execution_faults(run, schema) {
    def batch = on('awsbatch')
    def faults = []
    if (run.device == 'cuda' && !run.use_gpu && (workflow.containerEngine || batch || on('slurm'))) {
        faults << '--device cuda needs -profile gpu as well: without it no task is given a GPU'
    }
    def images = (run.use_gpu ? ['image_cpu', 'image_gpu'] : ['image_cpu']).collectEntries { name -> [name, run[name]] }
    def unqualified = images.findAll { _name, image -> !image.contains('/') }
    if (batch) {
        def queues = run.use_gpu ? ['awsqueue', 'awsqueue_gpu'] : ['awsqueue']
        (queues + 'awsregion').findAll { name -> !run[name] }.each { name ->
            faults << "--${name} is missing: ${schema[name].description}"
        }
        if (workflow.workDir.scheme != 's3') {
            faults << "-work-dir is ${workflow.workDir}, but AWS Batch needs a bucket: -work-dir s3://BUCKET/work"
        }
        unqualified.each { name, image ->
            def address = "ACCOUNT.dkr.ecr.REGION.amazonaws.com/${image}"
            faults << "--${name} is ${image}, but AWS Batch pulls from a registry: --${name} ${address}"
        }
        return faults
    }
    if (workflow.containerEngine in ['apptainer', 'singularity']) {
        unqualified.each { name, image ->
            def own = "--${name} \$PWD/${image.tokenize(':').first() - '.sif'}.sif"
            def build = 'build it with containers/apptainer.def and name the file'
            def mend = file(image).exists() ? 'give its full path' : build
            faults << "--${name} is ${image}, which ${run.engine} would look for on Docker Hub: ${mend}, ${own}"
        }
        images.findAll { _name, image -> image.endsWith('.sif') && !file(image).exists() }.each { name, image ->
            faults << "--${name}: there is no file ${image}"
        }
    }
    return faults + (local() ? engine_faults(run, unqualified.values()) : [])
}

/** Faults of this machine's engine: on a cluster only the nodes could say. */
def engine_faults(run, images) {
    def engine = workflow.containerEngine ?: run.engine
    if (!engine) {
        return []
    }
    def profile = "-profile ${on('gpu') ? 'gpu,' : ''}"
    def others = (['docker', 'podman', 'apptainer'] - engine).collect { name -> profile + name }.join(' or ')
    def none = on('gpu') ? '-profile gpu --local_tools' : 'no engine in -profile'
    def instead = "or use ${others}, or the tools on PATH (${none})"
    if (!([engine] + (engine == 'conda' ? ['mamba', 'micromamba'] : [])).any { name -> on_path(name) }) {
        return ["${engine}, in which tasks are to run, is not on PATH: install it; ${instead}"]
    }
    if (!(engine in ['docker', 'podman'])) {
        return []
    }
    def info = answer([engine, 'info'])
    if (info.code != 0) {
        def start = engine == 'docker'
            ? 'start its daemon (sudo systemctl start docker) and see that you may use it (group docker)'
            : "see what `${engine} info` says"
        def why = info.last ? " (${info.last})" : ''
        return ["${engine}, in which tasks are to run, does not work here${why}: ${start}; ${instead}"]
    }
    def build = "build it from this checkout, make images ENGINE=${engine}"
    def faults = images.findAll { image -> !workflow.session.config[engine]?.registry && !identity(image) }
        .collect { image -> "${engine} has no image ${image}: ${build}" }
    def cdi = ['/etc/cdi', '/var/run/cdi']
    def described = cdi.any { folder -> file(folder).exists() && file(folder).list() }
    if (engine == 'podman' && run.use_gpu && !run.gpu_container_options && !described) {
        def mend = 'sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml (of the NVIDIA container toolkit)'
        faults << "podman gives tasks a GPU by a CDI file, and there is none in ${cdi.join(' and ')}: ${mend}"
    }
    return faults
}

/** Whether a profile was named. */
def on(name) {
    return name in workflow.profile.tokenize(',')
}

/** What starts the tasks: local, slurm, awsbatch and so on. */
def executor() {
    return workflow.session.config.process?.executor ?: 'local'
}

def local() {
    return executor() == 'local'
}

/** What runs their containers; AWS Batch has its own docker, whatever this machine has. */
def engine_of(run) {
    return executor() == 'awsbatch' ? 'docker' : workflow.containerEngine ?: run.engine
}

/** What a local engine knows an image by, whatever its name says; nothing where tasks run elsewhere. */
def identity(image) {
    def known = local() && workflow.containerEngine in ['docker', 'podman']
    return known ? said([workflow.containerEngine, 'image', 'inspect', '--format', '{{.Id}}', image]) : null
}

/** Whether the shell that started Nextflow would find a command. */
def on_path(name) {
    return System.getenv('PATH').tokenize(':').any { folder -> file("${folder}/${name}").exists() }
}

/** Is there to be a MultiQC page? Where nobody said it, if multiqc is at hand. */
def makes_multiqc(run) {
    return run.multiqc == null ? !run.engine && !workflow.containerEngine && on_path('multiqc') : run.multiqc
}

/** What a command prints; nothing when it fails or is not there. */
def said(command) {
    def given = answer(command)
    return given.code == 0 ? given.text : null
}

/** A command's exit code, what it prints, and the last line that it says of an error. */
def answer(command) {
    def text = new StringBuffer()
    def messages = new StringBuffer()
    try {
        def process = command.execute()
        process.waitForProcessOutput(text, messages) // and is not disturbed by a run that ends meanwhile
        def heard = messages.readLines().findAll { line -> line.trim() }
        return [code: process.exitValue(), text: text.toString().trim(), last: heard ? heard.last() : null]
    }
    catch (IOException absent) {
        return [code: 127, text: '', last: absent.message]
    }
}
