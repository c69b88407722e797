"""assets/schema_input.json agrees with the checks of the samplesheet."""

import csv
import json
from pathlib import Path

import jsonschema
import pytest

from crexpress.core.errors import InputErrors
from crexpress.formats import samplesheet
from samplesheet_case import GOOD, ROOT, sheet

SCHEMA = json.loads((ROOT / "assets/schema_input.json").read_text())


@pytest.mark.parametrize(
    "row",
    [
        *GOOD,
        "A,dnase,x.bigWig,7,",
        "A,DNase,ENCFF070LLG,1,",
        "A,rna,x.genes.results.gz,1,TPM",
        "A,RNA,quant.sf,,",
        "A,cage,x.bed.gz,1,",
        "A,cage,ENCFF070LLG,1,",
        "A,loops,x.longrange.gz,1,",
        "A,loops,x.mcool.gz,1,",
        "A,ccres,x.bed.gz,1,",
        "A,ccres,x.bw,1,",
        "A,dnase,https://host/x.bw?key=1,1,",
        "A,dnase,x.bed,1,",
        "A,dnase,x.narrowPeak.gz,1,",
        "A,h3k27ac,x.broadPeak,1,",
        "A,dnase,ENCFF070LLG.bed.gz,1,",
        "A,dnase,x.bed12,1,",
        "A,dnase,x.bw.gz,1,",
        "A,dnase,x.bw,1,TPM",
        "A,cage,x.bw,1,TPM",
        "A,cage,x.bw,1,+",
        "A,cage,x.BIGWIG,1,-",
        "A,cage,x.bw,1,",
        "A,cage,x.bed.gz,1,11",
        "A,cage,x.tsv,1,CAGE_TPM",
        "A,cage,x.bam,1,",
        "A,cage,x.bam,1,5",
        "A,cage,x.ctss,1,4",
        "A,rna,gene_abund.tab,1,",
        "A,rna,x.gct.gz,1,Liver",
        "A,rna,genes.fpkm_tracking,1,",
        "A,dnase,x.bam,1,",
        "A,dnase,x.bam.gz,1,",
        "A,atac,x.fragments.tsv.gz,1,",
        "A,atac,fragments.tsv,1,",
        "A,atac,https://host/atac_fragments.tsv.gz?key=1,1,",
        "A,atac,x.tsv.gz,1,",
        "A,rna,x.bw,1,",
        "A b,dnase,x.bw,1,",
        "-A,dnase,x.bw,1,",
        "A,d/n,x.bw,1,",
        ",dnase,x.bw,1,",
        "A,,x.bw,1,",
        "A,dnase,,1,",
        "A,dnase,x.bw,0,",
        "A,dnase,x.bw,two,",
        "A,dnase,x.bw,-1,",
    ],
)
def test_schema_agrees_with_the_checks_of_a_row(tmp_path: Path, row: str) -> None:
    path = sheet(tmp_path, row, "T,rna,t.tsv,1,")
    (tmp_path / "t.tsv").touch()
    record = {name: value for name, value in next(csv.DictReader(path.open())).items() if value}
    if record.get("replicate", "").lstrip("-").isdigit():
        record["replicate"] = int(record["replicate"])
    try:
        samplesheet.read(path)
        accepted = True
    except InputErrors:
        accepted = False
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid([record]) == accepted


def test_schema_takes_meta_columns_and_no_others() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    row = {"cell": "A", "assay": "dnase", "file": "a.bw"}
    assert validator.is_valid([row | {"meta_donor": "1"}])
    assert not validator.is_valid([row | {"donor": "1"}])
    assert not validator.is_valid([])
