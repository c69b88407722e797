// What there is to do, and whether the files that say so are sound.

include { address_faults ; unasked } from '../addresses'
include { absent ; find ; named_files ; no_file ; own_presets ; place ; remote ; screen_to_fit } from '../files'
include { elements_of_genome } from '../genomes'
include { how_to_resume ; note_session } from '../resume'
include { flags          } from '../shell'
include { located ; tool } from '../study'
include { CHECK_FILES    } from '../../modules/check-files'
include { MAKE_PLAN      } from '../../modules/make-plan'

workflow PLAN {
    take:
    run // the parameters
    code

    main:
    def sheet = place(run.samplesheet)
    def shipped = place("${projectDir}/assets/cells/samplesheet.csv") // of cells that shipped models compare with
    def saved = named_files(run.model)
    def screens = named_files(run.crispr)
    def (gtf, genome, names) = [run.gtf, run.chrom_sizes ?: run.fasta, run.chromosome_names]
        .collect { name -> name && run.leave_out == 'chromosomes' ? place(name) : [] }
    MAKE_PLAN(
        sheet, absent(sheet), run.sweep ? place(run.sweep) : [],
        run.benchmarks ? place(run.benchmarks) : [], gtf, genome, names,
        own_presets(run), saved.keySet().toList(), saved.values().toList(), saved ? shipped : [],
        asked(run), learning(run),
        tool(code, 'make-plan')
    )
    drawn = MAKE_PLAN.out.plan.map { json -> with_files(json, run, sheet, shipped) }
    drawn.subscribe { one ->
        note_session()
        one.notes.each { note -> log.info(note) }
    }

    // then what the files hold that are small enough, or whose heads are, to be read before the start; cCREs only for
    // screens and tracks, lengths of chromosomes not where a genome would have to be unpacked for them
    def sizes = run.chrom_sizes ?: run.fasta?.endsWith('.gz') ? null : run.fasta
    CHECK_FILES(
        drawn.map { one -> [one.tables*.subMap(['cell', 'assay', 'column']), located(one.tables)] },
        drawn.map { one -> sizes ? [one.opened*.subMap(['cell', 'assay']), located(one.opened)] : [[], []] },
        place(run.gtf), sizes ? place(sizes) : [],
        drawn.map { one -> screens || sizes && one.opened ? one.ccres : [] },
        screens.keySet().toList(), screens.values().toList(),
        drawn.map { one -> one.screened },
        run.variants ? place(run.variants) : [], run.variants ? place(run.fasta) : [],
        flags(
            run + [fit_links: screen_to_fit(run)],
            ['biotypes', 'exclude_chromosomes', 'crispr_cell', 'fit_links'], [ask_genes: 'genes']
        ),
        tool(code, 'check-files')
    )
    CHECK_FILES.out.warnings.subscribe { path ->
        path.readLines().each { warning -> log.warn(as_parameters(warning, run)) }
    }

    // said here and not by the tasks' failing, which Nextflow tells with its command and work folder around it
    MAKE_PLAN.out.faults.mix(CHECK_FILES.out.faults).filter { told -> told.size() }.subscribe { told ->
        error([as_parameters(told.text.trim(), run), how_to_resume()].findAll().join('\n'))
    }

    emit:
    plan = drawn.combine(CHECK_FILES.out.warnings).map { one, _warnings -> one }.first() // when both are found sound
    runs = MAKE_PLAN.out.runs // the file runs.json
}

/** What a tool says, its options spelt as the parameters that they are here: --holdout_cells for --holdout-cells. */
def as_parameters(text, run) {
    return text.replaceAll(/--[a-z]+(-[a-z]+)+/) { option, _last ->
        def name = option.substring(2).replace('-', '_')
        name in run.keySet() ? "--${name}".toString() : option
    }
}

/** Options of make-plan. */
def asked(run) {
    def lacking = (run.fasta ? [] : ['sequence']) + (run.motifs ? [] : ['motifs'])
    def own = run + [
        ccres: run.ccres as boolean,
        crispr_cell: run.crispr ? run.crispr_cell : null,
        fit_links: screen_to_fit(run),
        lacking: lacking.join(',') ?: null,
    ]
    def cells = ['tracks', 'target', 'holdout_cells', 'allow_missing_tracks', 'ccres', 'interpret_cells']
    def links = ['crispr_cell', 'fit_links']
    def models = ['seeds', 'width', 'bin_size', 'leave_out', 'biotypes', 'exclude_chromosomes', 'lacking']
    return flags(own, cells + links + models)
}

/** Options of train for all points, as far as these do not set their own. */
def learning(run) {
    def split = run.fold ? ['fold'] : ['val', 'test']
    def names = ['preset', 'anchored', 'neighbours', 'window', 'expressed_factors', 'inputs', 'track_dropout', 'steps']
    return flags(run + [preset: place(run.preset).name], split + names + ['batch_size', 'seed'])
}

/** The plan, with the files that the samplesheet, or that of known cells, names found beside it or at their address. */
def with_files(json, run, sheet, shipped) {
    def plan = new groovy.json.JsonSlurperClassic().parseText(json.text)
    def own = plan.cells.findAll { cell -> cell.role != 'known' }
    def named = (own.collectMany { cell -> cell.tracks + cell.expression + cell.loops } + plan.tables)*.file
    def lost = (named + plan.ccres).unique().findAll { name -> !remote(name) && no_file(find(name, sheet)) }
    def mend = 'give paths from the sheet, or from here'
    def listed = lost.sort { name -> plan.rows[name] }.collect { name -> "${name} (row ${plan.rows[name]})" }
    def missing = "${sheet} names what does not exist, or is a folder: ${listed.join(', ')}; ${mend}"
    def away = address_faults(addresses(plan))
    def title = "${sheet} names addresses that cannot be fetched:"
    def twice = plan.ccres && elements_of_genome(run)
    def both = "${sheet} names cCREs (row ${plan.rows[plan.ccres[0]]}), and --genome ${run.genome} has its own: " +
        'give yours as --ccres and leave the row out'
    def faults = (twice ? [both] : []) + (lost ? [missing] : []) + (away ? [([title] + away).join('\n  ')] : [])
    if (faults) {
        error((faults + how_to_resume()).findAll().join('\n'))
    }
    def found = { rows, beside = sheet -> rows.collect { row -> row + [file: find(row.file, beside)] } }
    def beds = (run.ccres ? [place(run.ccres)] : []) + plan.ccres.collect { name -> find(name, sheet) }
    def cells = plan.cells.collect { cell ->
        def beside = cell.role == 'known' ? shipped : sheet
        cell + ['tracks', 'expression', 'loops'].collectEntries { kind -> [kind, found.call(cell[kind], beside)] }
    }
    def ccres = beds.unique { bed -> bed.toUriString() }.sort { bed -> bed.toUriString() }
    def later = unasked(addresses(plan).collect { _whose, name -> name }).unique()
    def notes = plan.notes + (later ? ["Not asked for before they are fetched: ${later.join(', ')}."] : [])
    return plan + [cells: cells, ccres: ccres, notes: notes] + [
        tables: found.call(plan.tables), opened: found.call(plan.opened.findAll { row -> !remote(row.file) }),
    ]
}

/** [whose, address] of every file that the run fetches. */
def addresses(plan) {
    def of_cells = plan.cells.collectMany { cell ->
        def known = cell.tracks + cell.expression + cell.loops.collect { row -> row + [assay: 'loops'] }
        known.collect { row -> [whose(plan, row.file, "${cell.cell}, ${row.assay}"), row.file] }
    }
    def all = of_cells + plan.ccres.collect { name -> [whose(plan, name, 'ccres'), name] }
    return all.findAll { _whose, name -> remote(name) }
}

/** "row 3 (K562, dnase)"; files of known cells are in no row of the user's sheet. */
def whose(plan, name, what) {
    return name in plan.rows ? "row ${plan.rows[name]} (${what})".toString() : what.toString()
}
