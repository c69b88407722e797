#!/usr/bin/env nextflow
// A samplesheet in, a report out: check -> prepare -> train -> predict -> interpret -> evaluate -> report.

include { absent ; check_choices ; flags ; gather ; locate ; named_files ; select ; settings } from './subworkflows/parameters'
include { PROVENANCE          } from './subworkflows/provenance'
include { TOOLKIT ; tool      } from './subworkflows/toolkit'
include { CHECK_SAMPLESHEET   } from './modules/check-samplesheet'
include { MERGE_CCRES         } from './modules/merge-ccres'
include { SCORE_MOTIFS        } from './modules/score-motifs'
include { EXTRACT_SIGNALS     } from './modules/extract-signals'
include { MATCH_QUANTILES     } from './modules/match-quantiles'
include { QUANTIFY_EXPRESSION } from './modules/quantify-expression'
include { BUILD_LOOPS         } from './modules/build-loops'
include { TRAIN               } from './modules/train'
include { PREDICT             } from './modules/predict'
include { INTERPRET           } from './modules/interpret'
include { FIT_BASELINES       } from './modules/fit-baselines'
include { EVALUATE            } from './modules/evaluate'
include { REPORT              } from './modules/report'

workflow {
    main:
    def run = settings(params, projectDir)
    def sheet = file(run.samplesheet)
    def fasta = run.fasta ? file(run.fasta) : []
    def chosen = run.interpret_cells?.tokenize(', ')
    def screens = named_files(run.crispr)
    check_choices(run, sheet)
    PROVENANCE(run)
    TOOLKIT(projectDir, run.device)
    code = TOOLKIT.out.code
    gpu_code = TOOLKIT.out.gpu_code

    // check: every fault of the samplesheet at once, before anything else starts
    CHECK_SAMPLESHEET(sheet, absent(sheet), flags(run, ['tracks', 'target', 'holdout_cells', 'allow_missing_tracks']), tool(code, 'check-samplesheet'))
    rows = CHECK_SAMPLESHEET.out.sheet.map { csv -> csv.splitCsv(header: true) }
    cells = rows.flatMap { all -> all.groupBy { row -> row.cell }.values() }

    // prepare: once a genome
    def shared = run.ccres ? [file(run.ccres)] : []
    ccres = rows.map { all -> (shared + locate(select(all, ['ccres']), sheet)).unique { bed -> bed.toUriString() }.sort { bed -> bed.toUriString() } }
    lengths = run.chrom_sizes ? file(run.chrom_sizes) : fasta
    blacklist = run.blacklist ? file(run.blacklist) : []
    MERGE_CCRES(
        ccres, file(run.gtf), lengths, blacklist, run.tss_list ? file(run.tss_list) : [],
        flags(run, ['width', 'tss', 'biotypes', 'exclude_classes', 'exclude_chromosomes'], [method: 'merge_method']), tool(code, 'merge-ccres')
    )
    reference = MERGE_CCRES.out.reference
    if (run.fasta) {
        SCORE_MOTIFS(
            MERGE_CCRES.out.elements, fasta, run.motifs ? file(run.motifs) : [], run.motif_factors ? file(run.motif_factors) : [],
            flags(run, [], [mode: 'motif_mode']), tool(code, 'score-motifs')
        )
        genome = SCORE_MOTIFS.out.genome.map { files -> files.sort() }
    }
    else {
        log.info('No --fasta: no sequence and no motif channel, the model learns from the tracks alone.')
        genome = channel.value([])
    }

    // prepare: once a cell
    def wanted = run.tracks.tokenize(', ')*.toLowerCase()
    tracks = cells.map { own -> select(own, wanted) }.filter { own -> own }
        .map { own -> [own[0].cell, own.collect { row -> row.assay }, locate(own, sheet)] }
    def matched = run.transform == 'quantile'
    def binned = flags(run + (matched ? [transform: 'log10p1'] : [:]), ['bin_size', 'transform', 'reads'], [replicates: 'track_replicates'])
    EXTRACT_SIGNALS(tracks, MERGE_CCRES.out.elements, binned, tool(code, 'extract-signals'))
    tables = cells.map { own -> select(own, ['rna', 'cage']) }.filter { own -> own }
        .map { own -> [own[0].cell, own[0].assay, own.collect { row -> row.column }, locate(own, sheet)] }
    def quantified = flags(run, ['unit', 'scale', 'per_million'], [replicates: 'expression_replicates'])
    QUANTIFY_EXPRESSION(tables, MERGE_CCRES.out.genes, file(run.gtf), quantified, tool(code, 'quantify-expression'))
    loops = cells.map { own -> select(own, ['loops']) }.filter { own -> own }
        .map { own -> [own[0].cell, locate(own, sheet)] }
    def binning = ['bin_size', 'score', 'anchors', 'infinite', 'duplicates'].collectEntries { name -> [name, "loop_${name}"] }
    BUILD_LOOPS(loops, MERGE_CCRES.out.elements, flags(run, [], binning), tool(code, 'build-loops'))
    seen = cells.filter { own -> own[0].role == 'train' }.map { own -> own[0].cell }
    signals = EXTRACT_SIGNALS.out.signals
    if (matched) {
        MATCH_QUANTILES(gather(signals), seen.toSortedList(), tool(code, 'match-quantiles'))
        signals = MATCH_QUANTILES.out.signals.flatten().map { path -> [path.name.replaceAll(/^signals\.|\.safetensors$/, ''), path] }
    }
    expression = QUANTIFY_EXPRESSION.out.expression
    contacts = BUILD_LOOPS.out.contacts

    // train on the cells whose expression may be seen
    def split = flags(run, run.fold ? ['fold'] : ['val', 'test'])
    TRAIN(
        reference, genome, gather(seen.join(signals)), gather(seen.join(expression)),
        run.preset, run.batch_size, "${split} ${flags(run, ['neighbours', 'window', 'expressed_factors', 'inputs', 'track_dropout', 'steps', 'seed', 'device'])}", tool(gpu_code, 'train')
    )

    // predict every cell, rank the links of the chosen ones; expression that may be seen tells the factors of a cell
    applied = signals.map { cell, data -> [cell, data, []] }
    if (run.expressed_factors) {
        applied = signals.join(seen.join(expression), remainder: true)
            .filter { _cell, data, _table -> data }
            .map { cell, data, table -> [cell, data, table ?: []] }
    }
    PREDICT(applied, reference, genome, TRAIN.out.model, flags(run, ['device']), tool(gpu_code, 'predict'))
    explained = applied.filter { cell, _data, _table -> !chosen || cell in chosen }
    INTERPRET(explained, reference, genome, TRAIN.out.model, flags(run, ['device']), tool(gpu_code, 'interpret'))

    // evaluate beside the baselines, report
    predictions = gather(PREDICT.out.predictions)
    links = gather(INTERPRET.out.links)
    FIT_BASELINES(reference, gather(signals), gather(expression), "${split} ${flags(run, ['holdout_cells', 'seed'])}", tool(code, 'fit-baselines'))
    EVALUATE(
        reference, predictions, gather(expression), FIT_BASELINES.out.baselines.map { files -> files.sort() }, links, gather(signals),
        screens.keySet().toList(), screens.values().toList(), flags(run, ['crispr_cell', 'seed']), tool(code, 'evaluate')
    )
    REPORT(
        reference, EVALUATE.out.metrics, EVALUATE.out.curves.ifEmpty([]), predictions, gather(expression), links,
        gather(signals), gather(contacts), TRAIN.out.model, screens.values().toList(), '', tool(code, 'report')
    )

    workflow.onComplete = {
        log.info(workflow.success ? "Done: open ${run.outdir}/report.html" : "Failed: the message above says what to mend; -resume goes on from there")
    }
}
