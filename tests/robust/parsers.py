"""Every parser: the sound files that it reads, and a call that reads one and returns what must be finite in it.

A parser gets the path of a damaged file, which lies in a folder of its own under the name of the sound one, and the
folder of all the sound ones.

Above 300 lines: one table with a row for every parser.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crexpress.cli import train_options
from crexpress.core import artifacts, model_config
from crexpress.core.folder import Folder
from crexpress.data import anchor, gene_profiles, loops, neighbours, orthology, store
from crexpress.data.opening import open_store
from crexpress.evaluate import compare
from crexpress.evaluate import run as evaluation
from crexpress.formats import (
    alignments,
    chromosome_table,
    gene_files,
    genome_files,
    loop_files,
    meme,
    samplesheet,
    screen_files,
    text_files,
)
from crexpress.links import apply, evidence, inputs, known, model, products
from crexpress.links.scene import Links
from crexpress.models import released
from crexpress.models.config import ModelConfig
from crexpress.models.folder import load_model, read_settings
from crexpress.pipeline import complexity, point_settings, sweep
from crexpress.prepare import cage, contacts, elements, expression, genes, quantiles, screening, sequence, signals
from crexpress.training import preset_file
from crexpress.training.config import TrainingConfig
from made import CELL, LENGTHS, released_config

Read = Callable[[Path, Path], Any]


class Parser(NamedTuple):
    """`files`: names of sound files, of which each case damages one; `text`: they have lines and fields."""

    files: tuple[str, ...]
    read: Read
    text: bool = True


PARSERS: dict[str, Parser] = {}


def parser(name: str, *files: str, text: bool = True) -> Callable[[Read], Read]:
    def add(read: Read) -> Read:
        PARSERS[name] = Parser(files, read, text)
        return read

    return add


@cache
def tables(sound: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sound elements and genes."""
    first, second = artifacts.read_elements_and_genes(sound / "elements.parquet", sound / "genes.parquet")
    return first.frame, second.frame


@cache
def headers(sound: Path) -> tuple[artifacts.Header, artifacts.Header]:
    return tuple(artifacts.require_header(sound / f"{kind}.parquet") for kind in ("elements", "genes"))  # type: ignore[return-value]


# users' files


@parser("samplesheet", "sheet.csv")
def _(path: Path, sound: Path) -> Any:
    rows = samplesheet.read(path, tracks=["dnase"], absent=(), training=False)
    samplesheet.write(path.with_name("validated.csv"), rows)
    cells = point_settings.read_cells(path.with_name("validated.csv"))
    assert all(row.cell in cells.names for row in rows if row.assay not in samplesheet.SHARED)


@parser("bed", "ccres.bed", "ccres9.bed")
def _(path: Path, sound: Path) -> Any:
    merged = elements.merge(elements.read_ccres([path], dict(LENGTHS)))
    store_, found = elements.with_tss_windows(merged, tables(sound)[1].drop("element"), 600)
    elements.write_bed(path.with_name("out.bed.gz"), store_, dict(LENGTHS))
    return store_, found


@parser("blacklist", "ccres.bed")
def _(path: Path, sound: Path) -> Any:
    listed = elements.read_ccres([sound / "ccres.bed"], dict(LENGTHS))
    return elements.drop_blacklisted(listed, path)


@parser("gtf", "genes.gtf", "exons.gtf", "genes.bed")
def _(path: Path, sound: Path) -> Any:
    rules: tuple[genes.TssRule, ...] = ("main", "gene") if path.suffix == ".bed" else genes.TSS_RULES
    if path.suffix != ".bed":
        gene_files.read_transcripts(path)
    return [genes.on_chromosomes(genes.read_genes(path, rule), dict(LENGTHS), path) for rule in rules]


@parser("tss-list", "tss.bed")
def _(path: Path, sound: Path) -> Any:
    return genes.at_listed_tss(tables(sound)[1].drop("element"), path)


@parser("chromosome-sizes", "genome.sizes", "genome.fa.fai", "track.bw")
def _(path: Path, sound: Path) -> Any:
    return genome_files.chromosome_sizes(path)


@parser("chromosome-names", "names.tsv")
def _(path: Path, sound: Path) -> Any:
    chromosome_table.read(path, LENGTHS)


@parser("fasta", "genome.fa", "genome.fa.gz", text=False)
def _(path: Path, sound: Path) -> Any:
    table = tables(sound)[0]
    codes = np.zeros((len(table), 600), np.uint8)
    sequence.extract(table, dict(LENGTHS), path, codes)
    assert codes.max() <= sequence.UNKNOWN


@parser("fasta-index", "genome.fa.fai", "genome.fa.gz.fai", "genome.fa.gz.gzi")
def _(path: Path, sound: Path) -> Any:
    """The genome is sound: what is read beside a damaged index is refused, or right."""
    name = path.name.rpartition(".")[0]
    for part in (name, f"{name}.fai", f"{name}.gzi"):
        if part != path.name and (sound / part).exists():
            shutil.copyfile(sound / part, path.with_name(part))
    table = tables(sound)[0]
    codes, right = np.zeros((len(table), 600), np.uint8), np.zeros((len(table), 600), np.uint8)
    sequence.extract(table, dict(LENGTHS), path.with_name(name), codes)
    sequence.extract(table, dict(LENGTHS), sound / name, right)
    assert (codes == right).all(), "bases of another place were read by a damaged index"


@parser("meme", "motifs.meme")
def _(path: Path, sound: Path) -> Any:
    found = meme.read_meme(path)
    return [found.background, *(motif.probabilities for motif in found.motifs)]


@parser("factors", "factors.tsv")
def _(path: Path, sound: Path) -> Any:
    meme.name_factors(meme.read_meme(sound / "motifs.meme"), path)


def _signal(path: Path, sound: Path) -> np.ndarray:
    table = tables(sound)[0]
    out = {"dnase": np.zeros((len(table), 15), np.float16)}
    signals.extract(table, dict(LENGTHS), {"dnase": [path]}, 40, "log10p1", out)
    return out["dnase"]


@parser("bigwig", "track.bw", text=False)
def _(path: Path, sound: Path) -> Any:
    return _signal(path, sound), cage.at_genes(tables(sound)[1], path, "+", lengths=LENGTHS)


@parser("bam", "reads.bam", text=False)
def _(path: Path, sound: Path) -> Any:
    return _signal(path, sound), cage.at_genes(tables(sound)[1], path, lengths=LENGTHS)


@parser("fragments", "a.fragments.tsv.gz")
def _(path: Path, sound: Path) -> Any:
    alignments.Coverage(path, "ends")
    return _signal(path, sound)


@parser("cage-table", "cage.bed", "cage.ctss")
def _(path: Path, sound: Path) -> Any:
    return cage.at_genes(tables(sound)[1], path, lengths=LENGTHS)


_TABLES = {
    "rsem": "rsem.genes.results",
    "salmon": "quant.genes.sf",
    "kallisto": "abundance.tsv",
    "featurecounts": "counts.txt",
    "stringtie": "gene_abund.tab",
    "cufflinks": "cuff.fpkm_tracking",
    "gct": "a.gct",
    "matrix": "matrix.csv",
    "two-columns": "two.tsv",
    "symbols": "symbols.tsv",
}


def _expression(path: Path, sound: Path) -> Any:
    table = tables(sound)[1]
    found = expression.read_values(table, path, gtf=sound / "genes.gtf")
    return expression.combine(table, [found])


for _name, _file in _TABLES.items():
    parser(f"expression-{_name}", _file)(_expression)


def _matrix(path: Path, sound: Path) -> Any:
    read = loop_files.read_loops(path, bin_size=5000)
    binned = contacts.bin_contacts([read], [path], dict(LENGTHS), 5000)
    for values in (binned["count"], binned["neglog10q"]):  # NaN: a file without this strength
        assert not np.isinf(values).any(), "an infinite strength was accepted"
        assert not (values < 0).any()
    assert binned["col"].max(initial=0) < binned["offsets"][-1]


for _name, _file in {
    "bedpe": "loops.bedpe",
    "hiccups": "hiccups.bedpe",
    "fithic": "fithic.txt",
    "longrange": "loops.longrange",
    "chiapet": "chiapet.bed",
}.items():
    parser(f"loops-{_name}", _file)(_matrix)
parser("loops-matrix", "map.cool", "map.hic", text=False)(_matrix)


@parser("screen", "screen20.tsv", "linked/screen.tsv")
def _(path: Path, sound: Path) -> Any:
    read = screen_files.read(path, ["chr20", "chr1", "chr2", "chr3"]).pairs
    screening.pairs(read, tables(sound)[1])
    return read.select(pl.selectors.float())


@parser("sweep", "sweep.yml")
def _(path: Path, sound: Path) -> Any:
    cells = point_settings.Cells([CELL, "B"], [CELL, "B"], {CELL: {"dnase", "h3k27ac"}, "B": {"dnase", "h3k27ac"}})
    sweep.read(path, train_options.train, cells)


@parser("preset", "preset.json")
def _(path: Path, sound: Path) -> Any:
    preset_file.read(str(path))


@parser("bed-intervals", "ccres.bed")
def _(path: Path, sound: Path) -> Any:
    text_files.read_intervals(path)


@parser("released-weights", "released.pth", text=False)
def _(path: Path, sound: Path) -> Any:
    return list(released.read_model(path, released_config()).state_dict().values())


# our own artefacts


@parser("elements", "elements.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    first, second = artifacts.read_elements_and_genes(path, sound / "genes.parquet")
    return neighbours.distances(second.frame, first.frame, neighbours.nearest(second.frame, first.frame, 4))


@parser("genes", "genes.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    first, second = artifacts.read_elements_and_genes(sound / "elements.parquet", path)
    return neighbours.distances(second.frame, first.frame, neighbours.nearest(second.frame, first.frame, 4))


def _store(sound: Path, **given: Any) -> store.Store:
    config = read_settings(sound / "model", ModelConfig)
    files: dict[str, Any] = {
        "signals": [sound / f"signals.{CELL}.safetensors"],
        "expression": [sound / f"expression.{CELL}.parquet"],
        "profiles": [sound / f"profiles.{CELL}.safetensors"],
    }
    return open_store(sound / "elements.parquet", sound / "genes.parquet", **files | given, config=config)


@parser("signals", f"signals.{CELL}.safetensors", text=False)
def _(path: Path, sound: Path) -> Any:
    reference = quantiles.read_reference([path, sound / "signals.B.safetensors"])
    return _store(sound, signals=[path]).cells[0].signals.take(np.arange(5)), reference.shares  # type: ignore[union-attr]


@parser("profiles", f"profiles.{CELL}.safetensors", text=False)
def _(path: Path, sound: Path) -> Any:
    made = _store(sound, profiles=[path])
    assert isinstance(made.profiles, gene_profiles.GeneProfiles)
    made.profiles.of(np.zeros(6, np.int64), np.arange(6))  # NaN: a gene without a body


@parser("expression", f"expression.{CELL}.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    _store(sound, expression=[path])
    return artifacts.read_table(path, "expression")[0]


@parser("sequence", "sequence.safetensors", text=False)
def _(path: Path, sound: Path) -> Any:
    codes = artifacts.open_arrays(path, "sequence").tensors["codes"]
    artifacts.require_rows(path, {"codes": codes}, sound / "elements.parquet", len(tables(sound)[0]))


@parser("motifs", "motifs.safetensors", text=False)
def _(path: Path, sound: Path) -> Any:
    header, arrays = artifacts.open_arrays(path, "motifs")
    about = header["parameters"]
    orthology.match(about["motifs"], about.get("factors", []), about, path)
    artifacts.require_rows(path, {"scores": arrays["scores"]}, sound / "elements.parquet", len(tables(sound)[0]))


@parser("motif-hits", "motif_hits.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    return artifacts.read_table(path, "motif_hits")[0]


@parser("contacts", f"contacts.{CELL}.npz", text=False)
def _(path: Path, sound: Path) -> Any:
    read = contacts.Contacts.open(path)
    bins = read.bins(tables(sound)[0]["chrom"], tables(sound)[0]["start"].to_numpy())
    value = loops.choose_value([path])
    return read.lookup(bins[:, None], bins[None, :50], value)


@parser("quantiles", "quantiles.npz", text=False)
def _(path: Path, sound: Path) -> Any:
    return quantiles.read_reference([path]).shares


@parser("predictions", f"predictions.{CELL}.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    return _evaluated(sound, predictions=[path])


@parser("baselines", f"baselines.{CELL}.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    return _evaluated(sound, baselines=[path])


def _evaluated(sound: Path, **given: Any) -> pl.DataFrame:
    files: dict[str, Any] = {
        "predictions": [sound / f"predictions.{CELL}.parquet"],
        "baselines": [sound / f"baselines.{CELL}.parquet"],
    } | given
    found = evaluation.run(
        *(sound / "elements.parquet", sound / "genes.parquet", files["predictions"]),
        *([sound / f"expression.{CELL}.parquet"], files["baselines"], [], [], [], None, 0, 1),
    )
    return found.metrics


@parser("links", f"links.{CELL}.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    store = inputs.Store.open(sound / "elements.parquet", sound / "genes.parquet")
    [scene] = store.scenes([sound / f"signals.{CELL}.safetensors"], [], [], [path], []).values()
    assert scene.network is not None
    for [chrom], own in scene.network.group_by("chrom"):
        element = own["element"].to_numpy().astype(np.int64)
        links = Links(scene, str(chrom), products.gene_rows(own, scene.genes), element)
        evidence.table(evidence.find(["attention", "perturbation", "learned"]), links)
    return scene.network


@parser("links-scored", "linked/scored.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    frame, header = artifacts.read_table(path, "links")
    place = sound / "linked"
    artifacts.require_same("genes", path, header, place / "genes.parquet", headers(place)[1])
    return frame


@parser("link-model", "linked/tiny.safetensors", text=False)
def _(path: Path, sound: Path) -> Any:
    read = model.read(path)
    place = sound / "linked"
    opened = inputs.Store.open(place / "elements.parquet", place / "genes.parquet")
    [scene] = opened.scenes([place / "signals.K.safetensors"], [], [], [], []).values()
    chosen = inputs.choose_model([path], scene, "best_f1")
    return [part.links.select("probability") for part in apply.score(chosen.scene, read, 30_000, chosen.cutoff)]


@parser("known-expression", "linked/known_expression.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    known.read([path], tables(sound)[1], sound / "genes.parquet", headers(sound)[1])


@parser("metrics", "metrics.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    runs = path.with_name("runs.json")
    runs.write_text('[{"point": "a", "settings": {}, "trained": false}]')
    return compare.compare(runs, {"a": path}).table.select("value")


@parser("history", "history.parquet", text=False)
def _(path: Path, sound: Path) -> Any:
    artifacts.read_table(path, "history")


def _beside(path: Path, folder: Path) -> Path:
    """The model folder of which one file is damaged."""
    for name in ("config.json", "model.safetensors", "anchor.safetensors"):
        if name != path.name and (folder / name).exists():
            shutil.copyfile(folder / name, path.with_name(name))
    return path.parent


@parser("model-config", "model/config.json")
def _(path: Path, sound: Path) -> Any:
    load_model(_beside(path, sound / "model"))
    read_settings(path.parent, TrainingConfig)
    model_config.read_config(path.parent)


@parser("model-weights", "model/model.safetensors", text=False)
def _(path: Path, sound: Path) -> Any:
    return list(load_model(_beside(path, sound / "model")).state_dict().values())


@parser("anchor", "anchored/anchor.safetensors", text=False)
def _(path: Path, sound: Path) -> Any:
    first, second = headers(sound)
    digests = {"elements": first["elements"], "genes": second["genes"]}
    read = anchor.read(_beside(path, sound / "anchored"), digests, tables(sound)[1])
    return read.level


@parser("study", f"signals.{CELL}.safetensors", "elements.parquet", f"contacts.{CELL}.npz", text=False)
def _(path: Path, sound: Path) -> Any:
    study = Folder.open(path.parent)
    assert len(study.cells) <= 1


@parser("runs", "runs.json")
def _(path: Path, sound: Path) -> Any:
    compare.read_settings(path)
    complexity.read_runs(path, train_options.train)


def finite(found: Any) -> Iterator[str]:
    """Where a value is NaN or infinite, in words."""
    if isinstance(found, pl.DataFrame):
        found = dict(zip(found.columns, found.get_columns(), strict=True))
    if isinstance(found, pl.Series):
        if found.dtype.is_float() and not found.drop_nulls().is_finite().all():
            yield f"NaN or infinity in {found.name}"
    elif isinstance(found, Mapping):
        for value in found.values():
            yield from finite(value)
    elif isinstance(found, np.ndarray):
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            yield "NaN or infinity in an array"
    elif isinstance(found, list | tuple):
        for value in found:
            yield from finite(value)
    elif hasattr(found, "isfinite") and found.is_floating_point() and not found.isfinite().all():
        yield "NaN or infinity in a tensor"
