"""The same signals, targets and loops as the released ScPGE code where its switches are set, and what ours differs in.

The numbers were made by the released program itself on the chr20 case: tests/reference/make_scpge_signals.py.
Rows are those of the design's table of ScPGE's paper and code (docs/science.md, "Data").
"""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.formats import loop_files
from crexpress.prepare import contacts, expression, genes, quantifications, signals

ROOT = Path(__file__).parents[3]
RELEASED = json.loads((ROOT / "tests/reference/scpge_signals.json").read_text())
ENCODE = "target_id\tlength\teff_length\test_counts\ttpm\n"
RSEM = "transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\tIsoPct\n"
CHR20 = 64_444_167


def test_signals_of_every_base_are_equal_within_float16() -> None:
    windows = RELEASED["signals"]
    elements = pl.DataFrame({"chrom": "chr20", "start": [window["middle"] - 300 for window in windows]})
    elements = elements.with_columns(end=pl.col("start") + 600)
    files = {track: [ROOT / f"assets/k562/K562.{track}.peaks.hg38.bw"] for track in windows[0]["tracks"]}
    out = {track: np.zeros((len(windows), 600), np.float16) for track in files}
    signals.extract(elements, {"chr20": CHR20}, files, 1, "log10p1", out)
    for track, found in out.items():
        released = np.array([np.repeat(*zip(*window["tracks"][track], strict=True)) for window in windows])
        assert (released > 0).mean() > 0.05
        np.testing.assert_array_equal(found, released.astype(np.float16))


@pytest.fixture
def replicates(tmp_path: Path) -> list[Path]:
    """The two made-up replicates of ENCODE's human transcript quantifications that the released code read."""
    paths = []
    for number in (1, 2):
        rows = (f"{name}|{of[0]}|-|-|N|N|9|x|\t9\t9\t9\t{of[number]}\n" for name, of in RELEASED["transcripts"].items())
        paths.append(tmp_path / f"{number}.tsv")
        paths[-1].write_text(ENCODE + "".join(rows) + "gSpikein_ERCC-00002\t9\t9\t9\t77\n")
    return paths


def test_targets_are_equal_when_replicates_are_summed(replicates: list[Path]) -> None:
    """Row 1: the released code takes log10 over the sum of all files; ours their mean, so that the unit stays TPM."""
    table = genes.read_genes(ROOT / "assets/chr20/GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz")
    read = expression.quantify(table, [(path, None) for path in replicates])
    assert {found.format for found in read} == {"kallisto transcripts"}
    released = np.array([RELEASED["expression"][gene] for gene in table["gene_id"]])
    assert len(released) == 105
    summed = expression.combine(table, read, "sum")
    np.testing.assert_allclose(summed["expression"], released, atol=5.1e-4)  # the released code keeps three digits
    mean = expression.combine(table, read)
    np.testing.assert_allclose(mean["value"], (10**released - 1) / 2, rtol=2e-3, atol=1e-3)
    assert np.abs(mean["expression"] - released).max() > 0.2


def test_transcripts_of_rsem_are_read_for_man_and_mouse(tmp_path: Path) -> None:
    """Row 27: as committed, the released code keeps mouse genes only of an RSEM table; ours goes by the header."""
    for species, gene in (("mouse", "ENSMUSG00000051951.5"), ("human", "ENSG00000171867.16")):
        path = tmp_path / f"{species}.tsv"
        path.write_text(f"{RSEM}T1\t{gene}\t9\t9\t9\t0.25\t9\t60\nT2\t{gene}\t9\t9\t9\t0.5\t9\t40\n")
        table = pl.DataFrame({"gene_id": [gene], "gene_name": ["x"]})
        assert quantifications.read_values(table, path).values.to_list() == [0.75]
    assert RELEASED["rsem"] == {"mouse": {"ENSMUSG00000051951.5": 0.75}, "human": {}}


def between(path: Path, *, score: loop_files.Score, nearest: bool, **options: str) -> np.ndarray:
    """log10(1 + strength) between all places, from a file of loops."""
    read = loop_files.read_loops(path, score)
    arrays = contacts.bin_contacts([read], [path], {"chr20": CHR20}, 5000, **options)  # type: ignore[arg-type]
    header = artifacts.make_header("contacts", "test", cell="K562", parameters={"bin_size": 5000})
    found = contacts.Contacts(header, arrays)
    places = np.array(RELEASED["loops"]["places"])
    if nearest:  # as the preset scpge-compat puts elements into bins
        places = np.rint(places / 5000).astype(int) * 5000
    bins = found.bins(pl.repeat("chr20", len(places), eager=True), places)
    value: contacts.Value = "count" if score == "count" else "neglog10q"
    table = np.log10(1 + found.lookup(bins[:, None], bins[None, :], value))
    return np.triu(table, 1)


def test_loops_are_equal_with_the_switches_of_the_released_code(tmp_path: Path) -> None:
    """Rows 14 and 15: last field taken for a count, infinite dropped, first duplicate, elements to the nearest bin."""
    path = tmp_path / "loops.longrange.bed"
    path.write_text("\n".join(RELEASED["loops"]["lines"]) + "\n")
    released = np.zeros((len(RELEASED["loops"]["places"]),) * 2)
    for row, column, value in RELEASED["loops"]["found"]:
        released[row, column] = value
    assert (released > 0).sum() > 50

    switches = {"score": "count", "anchors": "start", "infinite": "drop", "duplicates": "first"}
    same = between(path, nearest=True, **switches)  # type: ignore[arg-type]
    np.testing.assert_allclose(same, released, rtol=1e-6)

    # each of ours by itself changes the result: the strongest loops stay, the largest value counts, both are floored
    ours = between(path, score="auto", nearest=False)
    assert (ours > 0).sum() != (released > 0).sum()
    capped = between(path, nearest=True, **(switches | {"score": "neglog10q", "infinite": "cap"}))  # type: ignore[arg-type]
    assert (capped > 0).sum() > (released > 0).sum()
    largest = between(path, nearest=True, **(switches | {"duplicates": "largest"}))  # type: ignore[arg-type]
    assert (largest >= same - 1e-6).all()
    assert (largest > same + 1e-6).any()
    floored = between(path, nearest=False, **switches)  # type: ignore[arg-type]
    assert not np.array_equal(floored > 0, released > 0)
