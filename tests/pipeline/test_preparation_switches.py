"""Every switch of data preparation reaches its tool, and lists of cCREs from everywhere are joined."""

import gzip
import re

import pytest

from crexpress.core import artifacts
from launching import ROOT, Pipeline

pytestmark = pytest.mark.pipeline
PARSER = "v2"  # of Nextflow: stricter, a start in half the time

CHR20, K562 = ROOT / "assets/chr20", ROOT / "assets/k562"
CCRES = CHR20 / "K562.derived_elements.hg38.chr20_0-10Mb.bed.gz"
GTF = CHR20 / "GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz"
SWITCHES = {
    "tss": "gene",
    "exclude_classes": "pELS",
    "track_replicates": "max",
    "reads": "ends",
    "bin_size": "20",
    "expression_replicates": "sum",
    "scale": "ln",
    "loop_bin_size": "10000",
    "loop_score": "count",
    "loop_anchors": "start",
    "loop_infinite": "drop",
    "loop_duplicates": "first",
}


def test_switches_and_lists_reach_the_tools(pipeline: Pipeline) -> None:
    folder = pipeline.folder
    lines = gzip.decompress(CCRES.read_bytes()).decode().splitlines(keepends=True)
    for number in range(3):
        (folder / f"list{number}").mkdir()
        (folder / f"list{number}" / "ccres.bed").write_text("".join(lines[number::3]))  # one name in three folders
    sheet = [
        *(f"K562,{t.lower()},{K562}/K562.{t}.peaks.hg38.bw,1," for t in ("DNase", "H3K4me3", "H3K27ac", "CTCF")),
        f"K562,rna,{K562}/K562.gene_expression.GENCODE24_PC.tsv.gz,1,TPM_Roadmap",
        f"K562,loops,{CHR20}/K562.RAD21_ChIA-PET.cLoops2.hg38.chr20_0-10Mb.longrange.bed.gz,1,",
        *(f"K562,ccres,list{number}/ccres.bed,{number}," for number in (1, 2)),
    ]
    # as Excel saves it, and a list of TSSs as NCBI names chromosomes
    (folder / "cells.csv").write_text("sep=,\r\ncell,assay,file,replicate,column\n" + "\n".join(sheet) + "\n")
    gene = re.search('gene_id "([^"]+)"', gzip.decompress(GTF.read_bytes()).decode())[1]
    (folder / "tss.bed").write_text(f"NC_000020.11\t1234567\t1234568\t{gene}\t0\t+\n")
    (folder / "names.tsv").write_text("NC_000020.11\tchr20\n")

    (folder / "tools").mkdir()
    (folder / "tools/train").write_text('#!/bin/sh\n[ "$1" = --version ] || exit 65\n')  # the run may end there
    (folder / "tools/train").chmod(0o755)
    pipeline.environment["PATH"] = f"{folder}/tools:{pipeline.environment['PATH']}"
    given = [part for name, value in SWITCHES.items() for part in (f"--{name}", value)]
    files = ["--samplesheet", "cells.csv", "--ccres", "list0/ccres.bed", "--tss_list", "tss.bed"]
    files += ["--chromosome_names", "names.tsv"]
    output = pipeline.run("-profile", "chr20", *files, *given, "--outdir", "out", code=1)
    assert "Error executing process > 'LEARN:TRAIN" in output

    elements, header = artifacts.read_table(folder / "out/reference/elements.parquet", "elements")
    assert header["parameters"]["excluded_classes"] == ["pELS"]
    members = elements["members"].str.split(",").explode().drop_nulls()
    expected = [line.split("\t")[4] for line in lines if "\tpELS" not in line]
    assert sorted(set(members) - {""}) == sorted(expected)
    genes, header = artifacts.read_table(folder / "out/reference/genes.parquet", "genes")
    assert header["parameters"]["tss"] == "gene"
    assert dict(genes.select("gene_id", "tss").iter_rows())[gene] == 1234567

    cells = folder / "out/cells"
    stored = artifacts.open_arrays(cells / "signals.K562.safetensors", "signals").header["parameters"]
    assert (stored["combination"], stored["bin_size"]) == ("max", 20)
    stored = artifacts.read_table(cells / "expression.K562.parquet", "expression")[1]["parameters"]
    assert (stored["replicates"], stored["scale"]) == ("sum", "ln")
    stored = artifacts.read_sparse(cells / "contacts.K562.npz", "contacts")[0]["parameters"]
    assert {name: stored[name] for name in ("bin_size", "anchors", "infinite", "duplicates")} == {
        "bin_size": 10000,
        "anchors": "start",
        "infinite": "drop",
        "duplicates": "first",
    }
    scripts = " ".join(path.read_text() for path in folder.glob("work/*/*/.command.sh"))
    for switch in ("--reads 'ends'", "--score 'count'"):  # leave no trace in the headers of these files
        assert switch in scripts
