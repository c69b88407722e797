// The resolved configuration for every line of --profiles, below a line "== PROFILES": one start of Nextflow for all.
workflow {
    file(params.profiles).readLines().each { profiles ->
        def config = new nextflow.config.ConfigBuilder()
            .setShowClosures(true)
            .setOptions(new nextflow.cli.CliOptions())
            .setCmdConfig(new nextflow.cli.CmdConfig())
            .setBaseDir(file(params.project))
            .setProfile(profiles)
            .buildConfigObject()
        println("== ${profiles}\n${nextflow.util.ConfigHelper.toFlattenString(config)}")
    }
}
