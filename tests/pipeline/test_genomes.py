"""--genome NAME in place of the files of a genome, and --input as another name of --samplesheet."""

import json
import shutil

import pytest

from launching import ROOT, Pipeline, sheet_of, tasks

pytestmark = pytest.mark.pipeline
PARSER = "v2"  # of Nextflow: stricter, a start in half the time
TEST, K562 = ROOT / "assets/test", ROOT / "assets/k562"
SHIPPED = {
    "gtf": "GENCODE24.protein_coding.hg38.derived.gtf.gz",
    "ccres": "cCRE_like.shared.hg38.bed.gz",
    "chrom_sizes": "GRCh38_EBV.chrom.sizes.tsv",
    "blacklist": "GRCh38_unified_blacklist.bed",
}


def understood(pipeline: Pipeline, outdir: str) -> dict[str, object]:
    """The parameters as the run understood them."""
    return json.loads((pipeline.folder / outdir / "pipeline_info/params.json").read_text())


def test_a_genome_stands_for_its_files_and_each_can_be_another(pipeline: Pipeline) -> None:
    sheet_of(pipeline, "cells.csv", lambda cell, assay: cell in {"cell1", "cell2"} and assay != "loops")
    asked = ("--input", "cells.csv", "--genome", "GRCh38", "--preset", "crexpress-small")
    output = pipeline.run(*asked, "-stub-run", "--outdir", "plain")
    assert (
        "--genome GRCh38: its gtf, ccres, chrom_sizes, blacklist, merge_method. Its elements come from K562" in output
    )
    run = understood(pipeline, "plain")
    assert {name: run[name] for name in SHIPPED} == {
        name: str(pipeline.project / "assets/k562" / file) for name, file in SHIPPED.items()
    }
    assert run["merge_method"] == "none"
    assert run["samplesheet"].endswith("cells.csv")
    assert "input" not in run
    assert "MERGE_CCRES (600 bp)" in tasks(output)

    # elements of one's own are merged as those of any list
    output = pipeline.run(*asked, "--ccres", TEST / "ccres.bed.gz", "-preview", "--outdir", "own")
    assert "its gtf, chrom_sizes, blacklist; --ccres as given" in output
    run = understood(pipeline, "own")
    assert (run["ccres"], run["merge_method"]) == (str(TEST / "ccres.bed.gz"), "greedy")
    assert run["gtf"].endswith(SHIPPED["gtf"])

    # a finished run's params.json goes on to work
    shutil.copy(pipeline.folder / "plain/pipeline_info/params.json", pipeline.folder / "again.json")
    pipeline.run("-preview", "-params-file", "again.json", "--outdir", "again")
    before, after = understood(pipeline, "plain"), understood(pipeline, "again")
    assert before | {"outdir": "again"} == after


def test_a_genome_of_ones_own_by_a_configuration_or_a_parameters_file(pipeline: Pipeline) -> None:
    sheet_of(pipeline, "cells.csv", lambda cell, assay: cell == "cell1" and assay != "loops")
    own = {"gtf": str(TEST / "genes.gtf.gz"), "ccres": str(TEST / "ccres.bed.gz"), "fasta": str(TEST / "genome.fa.gz")}
    (pipeline.folder / "mine.json").write_text(json.dumps({"genomes": {"mine": own}, "genome": "mine"}))
    lines = "; ".join(f"{name} = '{value}'" for name, value in own.items())
    (pipeline.folder / "mine.config").write_text(f"params {{ genomes {{ mine {{ {lines} }} }} }}\n")
    for outdir, words in (("file", ["-params-file", "mine.json"]), ("config", ["-c", "mine.config", "--genome=mine"])):
        output = pipeline.run(*words, "-preview", "--samplesheet", "cells.csv", "--outdir", outdir)
        assert "--genome mine: its gtf, ccres, fasta.\n" in output
        run = understood(pipeline, outdir)
        assert own.items() <= run.items()
        assert "chrom_sizes" not in run


def test_what_is_wrong_with_a_genome_or_two_samplesheets_is_one_sentence_each(pipeline: Pipeline) -> None:
    sheet = pipeline.folder / "rows.csv"
    tracks = [f"K562,{name.lower()},{K562}/K562.{name}.peaks.hg38.bw,1" for name in ("DNase", "H3K27ac")]
    rows = ["cell,assay,file,replicate", *tracks, f"K562,ccres,{TEST}/ccres.bed.gz,1"]
    sheet.write_text("\n".join(rows) + "\n")
    (pipeline.folder / "wrong.json").write_text(json.dumps({"genomes": {"mine": {"gtff": "x", "gtf": "absent.gtf"}}}))
    both = ("--input", "rows.csv", "--samplesheet", K562 / "samplesheet.csv", "-params-file", "wrong.json")
    title = ("--multiqc", "false", "--multiqc_title", "ours")
    output = pipeline.run(*both, *title, "--genome", "mine", "--max_multiqc_email_size", "large", code=1)
    assert "--multiqc_title is for MultiQC's page, which this run does not make: add --multiqc" in output
    assert "--max_multiqc_email_size is 'large', which it does not take" in output
    assert "--genome: 'gtff' of mine is no parameter of this pipeline" in output
    assert f"--gtf: there is no file {pipeline.folder / 'absent.gtf'}" in output
    assert "--input and --samplesheet are two names of one parameter, and name different files: leave one out" in output
    output = pipeline.run("--input", "rows.csv", "--genome", "hg19", code=1)
    assert "--genome is 'hg19', but must be one of GRCh38; docs/cells.md says how to add one" in output
    assert "is missing" not in output  # the genome would have brought it

    asked = ("--input", "rows.csv", "--genome", "hg38", "--tracks", "dnase,h3k27ac", "--model", "pretrained")
    output = pipeline.run(*asked, "--outdir", "twice", code=1)
    [said] = [line for line in output.splitlines() if "has its own" in line]
    assert said.endswith(
        "rows.csv names cCREs (row 4), and --genome GRCh38 has its own: give yours as --ccres and leave the row out"
    )
    assert tasks(output) == ["MAKE_PLAN"]
    assert "no motif channel, models are given the tracks alone" in output  # nothing learns
    # a profile's samplesheet gives way to one that is asked for
    pipeline.run("-profile", "k562", "--input", K562 / "samplesheet.csv", "-preview", "--outdir", "profile")
    assert understood(pipeline, "profile")["samplesheet"] == str(K562 / "samplesheet.csv")
