// A word to a person when a run ends: by e-mail, or to the address of a hook (Slack, Teams, Mattermost, one's own).

/** Tell where the parameters ask for it; a message that cannot be sent is a warning, as the results are what counts. */
def tell_of_end(run) {
    def name = "${workflow.manifest.name.tokenize('/').last()} ${workflow.runName}"
    def title = "${name} ${workflow.success ? 'is done' : 'has failed'}"
    def text = [title, "Results: ${run.outdir}", "Duration: ${workflow.duration}", workflow.errorMessage].findAll()
    def to = run.email ?: (workflow.success ? null : run.email_on_fail)
    if (to) {
        trying('--email') { sendMail(to: to, subject: title, body: text.join('\n')) }
    }
    if (run.hook_url) {
        trying('--hook_url') { post(run.hook_url, [text: text.join('\n'), success: workflow.success]) }
    }
}

/** Do it, or warn. */
def trying(option, action) {
    try {
        action.call()
    }
    catch (Exception error) {
        // a hook's address is a secret
        def why = (error.message ?: error.class.simpleName).replaceAll(/https?:\S+/, 'its address')
        log.warn("${option}: the message could not be sent (${why})")
    }
}

/** Send JSON to an address; an answer other than 2xx is an error. */
def post(address, content) {
    def connection = new URI(address).toURL().openConnection()
    connection.connectTimeout = 10000 // ms
    connection.readTimeout = 10000
    connection.requestMethod = 'POST'
    connection.doOutput = true
    connection.setRequestProperty('Content-Type', 'application/json')
    connection.outputStream.write(groovy.json.JsonOutput.toJson(content).getBytes('UTF-8'))
    def code = connection.responseCode
    if (code.intdiv(100) != 2) {
        throw new IOException("the address answers ${code}")
    }
}
