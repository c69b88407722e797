// Addresses of files, asked for before a run starts: what Nextflow would find out only hours later, at the fetch.

/**
 * A host that stops in the middle of a file would keep a run waiting for ever: the fetch gives up after a minute
 * without a byte, and tries three times. Java takes the limit when it first reads from the web: where that was earlier
 * (for the pipeline itself, or an institution's configuration), only NXF_OPTS sets it.
 */
def give_up_on_stalled_hosts() {
    def name = 'sun.net.client.defaultReadTimeout' // ms
    System.setProperty(name, System.getProperty(name) ?: '60000')
}

/** Addresses that are not asked for: s3://, gs:// and the like, which Nextflow reaches by keys of its own. */
def unasked(addresses) {
    return addresses.findAll { address -> !(address ==~ /https?:\/\/.*/) }
}

/**
 * One sentence for each of [[whose, address], ...] on the web that certainly cannot be fetched, and one for each host
 * that cannot be reached. All are asked, four at a time; no word is said of a host that is slow or busy, as Nextflow
 * tries more than once.
 */
def address_faults(named) {
    def asked = named.findAll { _whose, address -> address ==~ /https?:\/\/.*/ }
    def found = asked ? answers(asked.collect { _whose, address -> address }.unique()) : [:]
    def away = asked.findAll { _whose, address -> found[address].away }.groupBy { _whose, address -> host(address) }
    def faults = away.collect { name, pairs ->
        "${name}: ${found[pairs[0][1]].away} (${pairs.size()} file${pairs.size() > 1 ? 's' : ''})"
    }
    if (away && found.values().every { one -> one.away }) {
        faults << 'none is reached: if this machine reaches no network, download the files where there is one, and ' +
            'name their paths; if it needs a proxy, set https_proxy'
    }
    return faults + asked.findAll { _whose, address -> found[address].fault }.collect { whose, address ->
        "${whose}: ${address}: ${found[address].fault}"
    }
}

/** [address: [away: why its host cannot be reached, fault: why that does not give it]], both null where all is well. */
def answers(addresses) {
    def client = java.net.http.HttpClient.newBuilder()
        .version(java.net.http.HttpClient.Version.HTTP_1_1)
        .followRedirects(java.net.http.HttpClient.Redirect.NORMAL)
        .proxy(java.net.ProxySelector.getDefault())
        .connectTimeout(java.time.Duration.ofSeconds(10))
        .build()
    def away = new java.util.concurrent.ConcurrentHashMap()
    // few at once: ENCODE's portal asks for ten a second at most
    def workers = java.util.concurrent.Executors.newFixedThreadPool(4)
    def waiting = addresses.collect { address ->
        [address, java.util.concurrent.CompletableFuture.supplyAsync({ answer(client, address, away) }, workers)]
    }
    def found = waiting.collectEntries { address, future -> [address, future.join()] }
    workers.shutdown()
    return found
}

/**
 * The first byte is asked for, and no more: addresses that are signed for downloads, as those which ENCODE's portal
 * hands on, refuse to be asked for their head. `away` {host: why}: what cannot be reached is not tried again.
 */
def answer(client, address, away) {
    def none = [away: null, fault: null]
    if (host(address) in away) {
        return none + [away: away[host(address)]]
    }
    try {
        def request = java.net.http.HttpRequest.newBuilder(java.net.URI.create(address))
            .header('Range', 'bytes=0-0')
            .timeout(java.time.Duration.ofSeconds(20))
            .build()
        def response = client.send(request, java.net.http.HttpResponse.BodyHandlers.ofInputStream())
        response.body().close()
        return none + [fault: refusal(response.statusCode(), address)]
    }
    catch (IllegalArgumentException _error) {
        return none + [fault: 'is no address that can be read: mend its spelling']
    }
    catch (java.net.ConnectException error) {
        return none + [away: away.computeIfAbsent(host(address)) { _name -> unreached(error) }]
    }
    catch (java.net.http.HttpConnectTimeoutException _error) {
        return none + [away: away.computeIfAbsent(host(address)) { _name -> 'does not answer' }]
    }
    catch (java.io.IOException _error) { // of a connection that was made: the fetch tries again
        return none
    }
}

/** Why a host does not give a file, by the status of its answer; null where it does, or may do so later. */
def refusal(status, address) {
    if (status in [404, 410]) {
        return "its host has no such file (${status})"
    }
    // some turn strangers away: Nextflow's own question counts
    def closed = status in [401, 403] && !file(address, glob: false).exists()
    return closed ? "its host does not give it to this machine (${status})" : null
}

/** Why no connection was made: of names that are not known the cause of the cause tells it. */
def unreached(error) {
    def causes = [error, error.cause, error.cause?.cause].findAll().collect { one -> one.class.simpleName }
    def unknown = causes.any { name -> name in ['UnresolvedAddressException', 'UnknownHostException'] }
    return unknown ? 'no host of this name is found' : 'cannot be reached, or refuses the connection'
}

/** HOST or HOST:PORT. */
def host(address) {
    return address.replaceFirst(/https?:\/\//, '').replaceFirst(/[\/?#].*/, '').replaceFirst(/.*@/, '')
}
