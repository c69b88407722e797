// Nextflow's -resume takes up the last run of the launch folder, also one that stopped at a parameter or printed help,
// and would do all work again. The last run that got past its checks is noted beside Nextflow's own history.

def note() {
    return file("${workflow.launchDir}/.nextflow/crexpress.session", glob: false)
}

/** This run has got past its checks: it is worth resuming. */
def note_session() {
    note().parent.mkdirs()
    note().text = workflow.sessionId.toString()
}

/** The session to name after -resume; null where -resume alone does, or there is none. */
def session_to_name() {
    def last = note().exists() ? note().text.trim() : null
    return last == workflow.sessionId.toString() ? null : last
}

/** The last line of a run that did no work: how to go on from the one before it; empty where that needs no word. */
def how_to_resume() {
    def last = session_to_name()
    def go_on = "-resume ${last} goes on from the last run that passed its checks; -resume alone would take this one"
    return last ? go_on : ''
}

/** Say at the start that a plain -resume has taken up a run that did no work. */
def check_resumed() {
    def last = session_to_name()
    if (last && workflow.resume && !(workflow.commandLine =~ /-resume\s+[^-\s]/)) {
        def other = "-resume ${last} goes on from the last one that did"
        log.warn("The run before this one did no work, and -resume goes on from it; ${other}")
    }
}
