"""Fixtures shared by the tests: a tiny element store whose expression follows from its signals."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts, log
from crexpress.prepare.elements import element_digest
from crexpress.prepare.genes import gene_digest
from tiny_case import TinyCase
from tools import run

WIDTH, BIN_SIZE = 600, 40
TRACKS = ("dnase", "h3k27ac")
CHROMOSOMES = ("chr1", "chr2", "chr3")


@pytest.fixture(autouse=True, scope="session")
def _shown() -> None:
    """What the library says is printed, as in a tool."""
    log.show()


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """What a tool set ends with its test: several threads in each of two workers made later tests far dearer."""
    _few_threads()
    yield
    _few_threads()


def _few_threads() -> None:
    wanted, torch = os.environ.get("OMP_NUM_THREADS"), sys.modules.get("torch")
    if wanted and torch is not None and torch.get_num_threads() != int(wanted):
        torch.set_num_threads(int(wanted))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyCase:
    """Expression is log10(1 + TPM) = mean promoter DNase + half the nearest cCRE's, so a model can learn it."""
    folder = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(0)
    ccres, genes = [], []
    for chrom in CHROMOSOMES:
        place = np.sort(rng.choice(np.arange(1000, 400_000, 700), 120, replace=False))
        ccres += [(chrom, int(at), int(at) + 300, "dELS") for at in place]
        genes += [(chrom, int(at)) for at in np.sort(rng.choice(400_000, 40, replace=False)) + 500]
    middle = [(start + end) // 2 for _, start, end, _ in ccres] + [tss for _, tss in genes]
    elements = pl.DataFrame(
        {
            "element_id": [f"E{i}" for i in range(len(ccres))] + [f"TSS:G{i}" for i in range(len(genes))],
            "chrom": [row[0] for row in ccres] + [row[0] for row in genes],
            "start": np.array(middle) - WIDTH // 2,
            "end": np.array(middle) + WIDTH // 2,
            "ccre_start": [row[1] for row in ccres] + [row[1] for row in genes],
            "ccre_end": [row[2] for row in ccres] + [row[1] + 1 for row in genes],
            "class": [row[3] for row in ccres] + ["TSS"] * len(genes),
        }
    )
    table = pl.DataFrame(
        {
            "gene_id": [f"G{i}" for i in range(len(genes))],
            "gene_name": [f"NAME{i}" for i in range(len(genes))],
            "gene_type": ["protein_coding"] * len(genes),
            "chrom": [row[0] for row in genes],
            "start": [row[1] for row in genes],
            "end": [row[1] + 1000 for row in genes],
            "strand": ["+"] * len(genes),
            "tss": [row[1] for row in genes],
            "element": np.arange(len(ccres), len(elements), dtype=np.int32),
        }
    )
    digests = {"elements": element_digest(elements), "genes": gene_digest(table)}
    case = TinyCase(
        folder,
        folder / "elements.parquet",
        folder / "genes.parquet",
        folder / "sequence.safetensors",
        folder / "motifs.safetensors",
    )
    about = {"width": WIDTH, "method": "none", "chromosomes": [[name, 500_000] for name in CHROMOSOMES]}
    artifacts.write_table(
        case.elements, elements, artifacts.make_header("elements", "test", **digests, parameters=about)
    )
    artifacts.write_table(case.genes, table, artifacts.make_header("genes", "test", **digests, parameters=about))
    _write_features(case, len(elements), digests, rng)
    for cell in ("A", "B", "C"):
        _write_cell(case, cell, elements, table, digests, rng)
    return case


@pytest.fixture(scope="session")
def loops(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Contacts of cell A: a third of all pairs of neighbouring bins, and of elements within 40 kb."""
    folder, rng = tmp_path_factory.mktemp("loops"), np.random.default_rng(1)
    bin_ = 5000  # bp, build-loops' own
    bins = 500_000 // bin_
    first, apart = np.divmod(np.flatnonzero(rng.random(bins * 9) < 0.3), 9)
    lines = [
        f"{chrom}\t{a * bin_}\t{(a + 1) * bin_}\t{chrom}\t{b * bin_}\t{(b + 1) * bin_}\t.\t{rng.integers(1, 40)}"
        for chrom in ("chr1", "chr2", "chr3")
        for a, b in zip(first, np.minimum(first + apart, bins - 1), strict=True)
    ]
    path = folder / "loops.bedpe"
    path.write_text("\n".join(lines) + "\n")
    result = run(
        "build-loops", "--elements", tiny.elements, "--cell", "A", "--loops", path, "--output", folder / "A.npz"
    )
    assert result.exit_code == 0, result.output
    return folder / "A.npz"


def _write_features(case: TinyCase, count: int, digests: dict[str, str], rng: np.random.Generator) -> None:
    header = artifacts.make_header("sequence", "test", elements=digests["elements"])
    artifacts.write_arrays(case.sequence, {"codes": rng.integers(0, 4, (count, WIDTH), dtype=np.uint8)}, header)
    header = artifacts.make_header(
        "motifs",
        "test",
        elements=digests["elements"],
        parameters={"motifs": ["M1", "M2", "M3"], "factors": ["NAME4", "Name5", "name6"], "mode": "log-odds"},
    )
    artifacts.write_arrays(case.motifs, {"scores": rng.normal(size=(count, 3)).astype(np.float16)}, header)


def _write_cell(
    case: TinyCase,
    cell: str,
    elements: pl.DataFrame,
    genes: pl.DataFrame,
    digests: dict[str, str],
    rng: np.random.Generator,
) -> None:
    level = rng.gamma(1.0, 1.0, (len(elements), 1))
    tracks = {
        name: np.repeat(level * factor, WIDTH // BIN_SIZE, axis=1).astype(np.float16)
        for name, factor in zip(TRACKS, (1.0, 0.5), strict=True)
    }
    about = {
        "tracks": list(TRACKS),
        "bin_size": BIN_SIZE,
        "transform": "log10p1",
        "replicates": dict.fromkeys(TRACKS, 1),
    }
    header = artifacts.make_header(
        "signals", "test", elements=digests["elements"], cell=cell, parameters=about, units={"signal": "log10(1 + x)"}
    )
    artifacts.write_arrays(case.signals(cell), tracks, header)
    middle = (elements["start"].to_numpy() + elements["end"].to_numpy()) // 2
    chrom = elements["chrom"].to_numpy()
    own = genes["element"].to_numpy()
    apart = np.abs(middle[None, :] - genes["tss"].to_numpy()[:, None]).astype(float)
    apart[chrom[None, :] != genes["chrom"].to_numpy()[:, None]] = np.inf
    apart[:, own] = np.inf
    expression = level[own, 0] + 0.5 * level[apart.argmin(axis=1), 0]
    expression[3] = np.nan  # one gene was not measured
    table = pl.DataFrame(
        {"gene_id": genes["gene_id"], "value": 10**expression - 1, "expression": expression.astype(np.float32)}
    ).with_columns(pl.col("value", "expression").fill_nan(None))
    header = artifacts.make_header(
        "expression",
        "test",
        genes=digests["genes"],
        cell=cell,
        parameters={"quantity": "rna", "unit": "TPM", "column": None, "format": "table"},
        units={"value": "TPM", "expression": "log10(1 + TPM)"},
    )
    artifacts.write_table(case.expression(cell), table, header)
