#!/usr/bin/env nextflow
// A samplesheet in, a report out. Every part stands in subworkflows/NAME, every process in modules/TOOL, and what there
// is to do is decided by the tool make-plan: Nextflow hands files on.
//
// Channels carry [meta, files]: `meta`, a map of the plan, says what a result is of and in which folder it is put.
//   plan         the plan (docs/artifacts.md, plan.json), the user's files in it found; one map
//   study        [store, files]: all that was prepared for one width of elements and one bin size
//   models       [run, folder]
//   predictions  [task, file]: a task is a run, or the mean of several, and a cell
//   links        [task, file]; of a link model, the point and file
//   code         [tool: digest of its code], for -resume
//
// Every process is called, with an empty channel where a run has no use for it: Nextflow numbers the `eval` outputs in
// the order of the calls, the number is part of a task's key, and a call in an `if` would re-run all below it.

include { asks_for_text ; text_of } from './subworkflows/help'
include { settings                } from './subworkflows/parameters'
include { check_resumed ; how_to_resume } from './subworkflows/resume'
include { TOOLKIT                 } from './subworkflows/toolkit'
include { PLAN                    } from './subworkflows/plan'
include { PREPARE                 } from './subworkflows/prepare'
include { LEARN                   } from './subworkflows/learn'
include { APPLY                   } from './subworkflows/apply'
include { LINK                    } from './subworkflows/link'
include { EXPLAIN                 } from './subworkflows/explain'
include { ASSESS                  } from './subworkflows/assess'
include { PROVENANCE ; note_call  } from './subworkflows/provenance'
include { show_progress ; tell_of_end } from './subworkflows/notify'

workflow {
    main:
    if (asks_for_text(params)) {
        println([text_of(params, projectDir), how_to_resume()].findAll().join('\n\n'))
        return
    }
    def run = settings(params, projectDir) // the parameters as one map, typed and checked
    check_resumed()
    note_call(run)
    show_progress()
    TOOLKIT(projectDir, run.device)
    (code, gpu_code) = [TOOLKIT.out.code, TOOLKIT.out.gpu_code]

    PLAN(run, code)
    plan = PLAN.out.plan
    PREPARE(run, plan, code)
    study = PREPARE.out.study
    LEARN(run, plan, study, gpu_code)
    APPLY(run, plan, study, LEARN.out.models, code, gpu_code)
    LINK(run, plan, study, code)
    EXPLAIN(run, plan, study, APPLY.out.ranked, APPLY.out.predictions, code, gpu_code)
    results = APPLY.out.predictions.mix(APPLY.out.links, LINK.out.links)
    ASSESS(
        run, plan, PLAN.out.runs, study, LEARN.out.models, results, EXPLAIN.out.answers, TOOLKIT.out.found, code,
        gpu_code
    )
    PROVENANCE(run)

    workflow.onComplete = { tell_of_end(run, how_to_resume()) }
}
