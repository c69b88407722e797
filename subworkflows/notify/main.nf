// A word to a person: at the terminal, how far long tasks are; when a run ends, by e-mail or to the address of a hook
// (Slack, Teams, Mattermost, one's own).

include { write_crate } from '../crate'

/**
 * Say what to do next (`resume`: how to go on, where a plain -resume does not), and tell where the parameters ask for
 * it; a message that cannot be sent is a warning, as the results are what counts.
 */
def tell_of_end(run, resume) {
    trying('ro-crate-metadata.json', 'it could not be written') { write_crate(run) }
    def page = "${run.outdir}/${run.sweep || run.leave_out ? 'sweep' : 'report'}.html"
    def again = resume ?: '-resume goes on from there'
    def stopped = workflow.errorMessage ==~ /SIG[A-Z]+/ // Ctrl-C, or a machine that is shut down
    def failed = stopped ? "Stopped: ${again}" : "Failed: the message that begins with Error says what to fix; ${again}"
    def done = workflow.preview ? 'Done: a preview, in which no task has run' : "Done: open ${page}"
    log.info(workflow.success ? done : failed)
    def name = "${workflow.manifest.name.tokenize('/').last()} ${workflow.runName}"
    def title = "${name} ${workflow.success ? 'is done' : 'has failed'}"
    def text = [title, "Results: ${run.outdir}", "Duration: ${workflow.duration}", workflow.errorMessage].findAll()
    def to = run.email ?: (workflow.success ? null : run.email_on_fail)
    if (to) {
        trying('--email') { sendMail([to: to, subject: title] + mail(run, text, page)) }
    }
    if (run.hook_url) {
        trying('--hook_url') { post(run.hook_url, [text: text.join('\n'), success: workflow.success]) }
    }
}

/**
 * What a mail says, as text and as a page; of a run that ended well also its summary and, where they are small, its
 * pages.
 */
def mail(run, lines, page) {
    def folder = file(run.outdir, glob: false)
    def here = workflow.success && folder.scheme == 'file'
    def summary = folder.resolve('summary.txt')
    def told = lines + (here && summary.exists() ? ['', summary.text] : [])
    def most = new nextflow.util.MemoryUnit(run.max_multiqc_email_size ?: '0 B').toBytes()
    def pages = [file(page, glob: false), folder.resolve('multiqc/multiqc_report.html')]
    def small = here ? pages.findAll { path -> path.exists() && path.size() <= most } : []
    def escaped = told.drop(1).join('\n').replace('&', '&amp;').replace('<', '&lt;')
    def html = "<html><body><h3>${told[0]}</h3><pre style=\"white-space: pre-wrap\">${escaped}</pre></body></html>"
    def words = run.plaintext_email ? [body: told.join('\n')] : [text: told.join('\n'), body: html.toString()]
    return words + (small ? [attach: small.collect { path -> path.toString() }] : [:])
}

/** Do it, or warn. */
def trying(option, failed = 'the message could not be sent', action) {
    try {
        action.call()
    }
    catch (Exception error) {
        // a hook's address is a secret
        def why = (error.message ?: error.class.simpleName).replaceAll(/https?:\S+/, 'its address')
        log.warn("${option}: ${failed} (${why})")
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

/**
 * Say every few seconds what is new in the logs of long tasks: the last line that counts something ("step 200/500: ...;
 * 3 minutes left"), and where the log is. Read from the work folder, so that it holds for containers and jobs as well;
 * not where that lies in a cloud.
 */
def show_progress() {
    if (workflow.workDir.scheme != 'file') {
        return
    }
    def begun = workflow.start.toInstant().toEpochMilli() - 1000
    def work = new File(workflow.workDir.toString())
    def known = [:] // folder of a task: [name, text that was said last, when, has it ended]
    def clock = java.util.concurrent.Executors.newSingleThreadScheduledExecutor()
    workflow.session.onShutdown { clock.shutdownNow() }
    def every = {
        try {
            look(work, begun, known)
        }
        catch (Exception error) {
            log.debug("progress: ${error.message}") // a folder that was cleaned away meanwhile
        }
    }
    clock.scheduleWithFixedDelay(every as Runnable, 2, 2, java.util.concurrent.TimeUnit.SECONDS)
}

/** What is new: always of TRAIN, of others from their first half minute on; of each at most every ten seconds. */
def look(work, begun, known) {
    def now = System.currentTimeMillis()
    def parts = work.listFiles().findAll { part -> part.directory && part.lastModified() >= begun }
    def open = parts.collectMany { part -> part.listFiles().toList() }.findAll { folder -> !known[folder]?.ended }
    open.each { folder ->
        def started = new File(folder, '.command.begin').lastModified() // 0 before it is there
        if (started >= begun) {
            def told = known[folder] ?: [name: name_of(new File(folder, '.command.run')), text: '', at: 0]
            def ended = new File(folder, '.exitcode').exists()
            def text = last_count(new File(folder, '.command.err'))
            def worth = told.name.startsWith('TRAIN') || (now - started > 30000 && !ended)
            if (text && text != told.text && worth && (ended || now - told.at > 10000)) {
                log.info("${told.name}: ${text}${told.at ? '' : "; its log: ${folder}/.command.log"}")
                told = told + [text: text, at: now]
            }
            known[folder] = told + [ended: ended]
        }
    }
}

/** The name of a task, without the sub-workflow that calls it. */
def name_of(script) {
    def line = script.readLines().find { one -> one.startsWith('### name:') } ?: ''
    return line.replaceFirst(/^### name: '?/, '').replaceFirst(/'$/, '').tokenize(':').last()
}

/** The last line of a log that counts something; null where there is none. */
def last_count(path) {
    if (!path.exists()) {
        return null
    }
    def bytes = path.withInputStream { stream ->
        stream.skip(Math.max(0, path.length() - 4096))
        stream.bytes
    }
    def lines = new String(bytes, 'UTF-8').readLines()
    return lines.findAll { line -> line =~ /^(step |[\w. -]+: )\d+\/\d+/ }.reverse().find()
}
