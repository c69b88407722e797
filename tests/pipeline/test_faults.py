"""What users get wrong is said at the start, whole, before any work."""

import fcntl
import re
import shutil

import pytest

from launching import ROOT, Pipeline, tasks
from workbooks import workbook

pytestmark = pytest.mark.pipeline

SHEET = """cell,assay,File,replicate,column,tissue
K562,dnase,{k562}/K562.DNase.peaks.hg38.bw,1,,
K562,dnase,{k562}/K562.CTCF.peaks.hg38.bw,1,,
K562,h3k27ac,{k562}/K562.H3K27ac.peaks.hg38.bw,one,,
K562,h3k4me3,absent.bw,1,,
K562,rna,{k562}/K562.gene_expression.GENCODE24_PC.tsv.gz,1,TPM_Roadmap,
HeLa-S3,dnase,{k562}/HeLa-S3.DNase.peaks.hg38.bw,1,,
HeLa-S3,h3k27ac,{k562}/HeLa-S3.H3K27ac.peaks.hg38.bw,1,,
HeLa-S3,h3k4me3,{k562}/HeLa-S3.H3K4me3.peaks.hg38.bw,1,,
HeLa-S3,ctcf,{k562}/HeLa-S3.CTCF.peaks.hg38.bw,1,,
"""


def test_five_faults_of_a_samplesheet_come_in_one_message(pipeline: Pipeline) -> None:
    sheet = pipeline.folder / "cells.csv"
    sheet.write_text(SHEET.format(k562=ROOT / "assets/k562"))
    (pipeline.folder / "b.csv").write_text("name,kind,cell,file\nx,colour,K526,cells.csv\ny,locus,K562,cells.csv\n")
    given = ["--samplesheet", sheet, "--benchmarks", "b.csv"]
    output = pipeline.run("-profile", "k562", *given, "--outdir", "out", code=1)
    assert "has 5 faults" in output
    for fault in (
        "unknown column 'tissue'",
        "'absent.bw' does not exist",
        "K562 has replicate 1 of dnase in row 2 already",
        "'one' is not a whole number",
        "K562 has no ctcf file",
        "line 2: there is no kind 'colour'; kinds are crispr",
        "line 2: 'K526' is no cell of the samplesheet; it has HeLa-S3, K562",
        "line 3: its column gene is empty, which locus needs",
    ):
        assert output.count(fault) == 1
    assert tasks(output) == ["MAKE_PLAN"]  # once: bad input is not retried
    for noise in ("Command executed", "Work dir", "exit status", "Exception", "-- Check script"):
        assert noise not in output  # the faults alone


def test_files_that_a_workbook_names_and_that_are_not_there_are_said_at_once(pipeline: Pipeline) -> None:
    rows = [row.split(",") for row in SHEET.format(k562=ROOT / "assets/k562").splitlines()]
    good = [
        [*row[:2], row[2].replace("DNase", "lost"), 1, row[4]] for row in rows if row[1] == "rna" or "DNase" in row[2]
    ]
    workbook(pipeline.folder / "cells.xlsx", [["Cell", "Assay", "File", "Replicate", "Column"], *good])
    chosen = ["--samplesheet", pipeline.folder / "cells.xlsx", "--tracks", "dnase", "--outdir", "out"]
    output = pipeline.run("-profile", "k562", *chosen, code=1)
    (said,) = [line for line in output.splitlines() if "names what does not exist" in line]
    assert "K562.lost.peaks.hg38.bw" in said
    assert "HeLa-S3.lost.peaks.hg38.bw" in said
    assert tasks(output) == ["MAKE_PLAN"]
    assert "Exception" not in output


def test_faults_of_the_parameters_come_in_one_message(pipeline: Pipeline) -> None:
    wrong = ["--holdout_cels", "A", "--steps", "many", "--gtf", "absent.gtf", "--preset", "huge", "--tss", "mian"]
    wrong += [
        "--expressed_factors",
        "600",
        "--multiqc",
        "--fit_links",
        "mine",
        "--explain_genes",
        "MYC",
        "--link_cutoff",
        "2",
    ]
    wrong += ["--preset_files", "absent.json", "--fold", "2/5", "--test", "chr5", "-params-file", "my own.yml"]
    old = "combine_links: true\ncombine_window: 1000000\n"  # one that was asked for, and a default of an earlier run
    (pipeline.folder / "my own.yml").write_text(f"val: chr4\n{old}")
    (pipeline.folder / "b.csv").write_text("name,kind,file,chain\nx,crispr,away.tsv,away.chain\n")
    (pipeline.folder / "none.txt").write_text("# no gene\n\n")
    wrong += ["--benchmarks", "b.csv", "--genes", "none.txt", "--variants", "", "--interpret_cells", "", "--fasta"]
    folder = pipeline.folder / "place.json"
    folder.mkdir()
    for name in ("samplesheet", "ccres", "blacklist", "sweep", "link_model"):
        wrong += [f"--{name}", folder]
    wrong += ["--crispr", f"x={folder}", "--model", "b.csv"]
    wrong[wrong.index("absent.json")] = "absent.json,place.json"
    output = pipeline.run("-profile", "k562", *wrong, "--outdir", "b.csv/out", code=1)
    for fault in (
        "--holdout_cels is no parameter of this pipeline; did you mean --holdout_cells?",
        "--steps is 'many', but must be a whole number",
        f"--gtf: there is no file {pipeline.folder / 'absent.gtf'}",
        f"--benchmarks: there is no file {pipeline.folder / 'away.tsv'}",
        f"--benchmarks: there is no file {pipeline.folder / 'away.chain'}",
        "/absent.json",
        f"--genes: {pipeline.folder / 'none.txt'} names nothing: write one name a line",
        "--preset is 'huge', but must be one of",
        *(f"--{name} has no value: give" for name in ("variants", "interpret_cells", "fasta")),
        "--tss is 'mian', but must be one of main, gene, canonical",
        "--expressed_factors needs --motifs",
        "--fit_links is now --link_model: give --link_model 'screen:mine'",
        "--combine_links is gone: links have a probability (--link_model), and ABC is scored beside it; leave it out",
        "--explain_genes is now --genes: give --genes 'MYC'",
        "--link_cutoff is '2', but must be recall_70, best_f1 or a probability between 0 and 1",
        "--fold stands for both --val and --test; leave out --val and --test, or --fold",
        f"--outdir: {pipeline.folder / 'b.csv'} is a file: name a folder",
        f"--model: {pipeline.folder / 'b.csv'} is no folder that train wrote (it has no config.json), and no shipped "
        "model pretrained or pretrained-anchored",
        *(f"{name}: {folder} is a folder: name a file" for name in ("--samplesheet", "--ccres", "--blacklist")),
        *(f"{name}: {folder} is a folder: name a file" for name in ("--sweep", "--link_model", "--crispr")),
        f"--preset, --preset_files: {folder} is a folder: name a file",
    ):
        assert output.count(fault) == 1, output
    assert "combine_window" not in output
    assert ("there is no multiqc on PATH" in output) == (not shutil.which("multiqc"))
    assert not tasks(output)
    assert "Exception" not in output
    # nf-core's switch lets through what the schema alone has to say
    lax = ["--validate_params", "false", "--holdout_cels", "A", "--tss", "mian", "--fold", "6", "--outdir", "lax"]
    output = pipeline.run("-profile", "k562", "-preview", *lax)
    told = output[output.index("Let through, as --validate_params is false:") :]
    for fault in ("--holdout_cels is no parameter", "--tss is 'mian', but must be one of", "--fold is '6'"):
        assert fault in told
    assert "--width is 'many'" in pipeline.run("-profile", "k562", "-preview", *lax, "--width", "many", code=1)


def test_two_runs_do_not_write_into_one_folder(pipeline: Pipeline) -> None:
    lock = pipeline.folder / "taken/pipeline_info/.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        output = pipeline.run("-profile", "k562", "-stub-run", "--outdir", "taken", code=1)
    assert "Another run writes into taken: wait until it has ended, or give another --outdir" in output
    assert not tasks(output)
    assert [path.name for path in lock.parent.iterdir() if path.suffix == ".json"] == []


def test_tables_and_screens_are_opened_before_the_start(pipeline: Pipeline) -> None:
    k562, test = ROOT / "assets/k562", ROOT / "assets/test"
    sheet = pipeline.folder / "cells.csv"
    text = (k562 / "samplesheet.csv").read_text().replace(",TPM_Roadmap", ",TPM_Roadmpa")
    peaks = pipeline.folder / "other build.narrowPeak"
    peaks.write_text("chr1\t248956000\t249000000\tx\t0\t.\t5\t-1\t-1\t100\n")
    rows = re.sub(r"(?m)^([^,]+,[^,]+,)(?=\w+[.-])", rf"\1{k562}/", text)
    sheet.write_text(f"{rows}K562,dnase,{peaks},2\n")
    screen = f"real={next(k562.glob('EPCrispr*'))}"
    bare = pipeline.folder / "bare screen.tsv"
    bare.write_text("chrom\tchromStart\tchromEnd\tmeasuredGeneSymbol\tRegulated\nchr1\t1\t1\tX\tTRUE\n")
    chosen = ["-profile", "k562", "--samplesheet", sheet, "--outdir", "out"]
    output = pipeline.run(*chosen, "--crispr", f"{screen},bare={bare}", code=1)
    assert f"rna: {k562}/K562.gene" in output
    assert "has no column 'TPM_Roadmpa'; it has" in output
    assert "--crispr bare: " in output
    assert "no interval (chromStart must be before chromEnd): 1 line (2)" in output
    # by the file's own name, and not by that of a task's link
    assert f"K562, dnase: {peaks} line 1: a peak ends at 249,000,000, but chr1 at 248,956,422; give peaks of" in output
    assert set(tasks(output)) == {"MAKE_PLAN", "CHECK_FILES"}
    # what a run can do without is told, and the run goes on: here to the next thing that is wrong
    chosen[3] = k562 / "samplesheet.csv"
    chosen += ["--crispr", f"{screen},other={test / 'truth.tsv.gz'}", "--exclude_chromosomes", "chr99"]
    output = pipeline.run(*chosen, code=1)
    assert "WARN: other: no pair to score in K562; its cells are cell1, cell5." in output
    assert {"CHECK_FILES", "MERGE_CCRES (600 bp)"} <= set(tasks(output))
    assert "other: no pair" in (pipeline.folder / "out/pipeline_info/warnings.txt").read_text()


def test_choices_are_held_against_the_samplesheet_with_hyphens_too(pipeline: Pipeline) -> None:
    wrong = ["--interpret_cells", "K526", "--crispr_cell", "k562", "--holdout-cells", "HeLa"]
    output = pipeline.run("-profile", "k562", "-stub-run", *wrong, "--outdir", "out", code=1)
    assert "--interpret_cells: K526 is no cell of the samplesheet; it has HeLa-S3, K562" in output
    assert "--crispr_cell: k562 is no cell of the samplesheet; it has HeLa-S3, K562" in output
    assert "'HeLa' is no cell of the sheet (did you mean 'HeLa-S3'?)" in output


def test_profiles_of_an_institution_are_read_where_they_are_named(pipeline: Pipeline) -> None:
    """As nf-core/configs lays them out: a list that includes a file a place, which sets parameters of its own."""
    (pipeline.folder / "places/conf").mkdir(parents=True)
    (pipeline.folder / "places/nfcore_custom.config").write_text(
        'profiles { our_cluster { includeConfig "${params.custom_config_base}/conf/our_cluster.config" } }'
    )
    (pipeline.folder / "places/conf/our_cluster.config").write_text(
        "params.config_profile_contact = 'somebody'\nparams.device = 'cuda'\nprocess.executor = 'slurm'\n"
    )
    chosen = ["-profile", "k562,docker,our_cluster", "--custom_config_base", pipeline.folder / "places"]
    output = pipeline.run(*chosen, "--outdir", "out", code=1)
    assert "--device cuda needs -profile gpu as well" in output
    assert "config_profile_contact" not in output
