"""Read what is known of a cell from its artefacts, and put its tracks on a model's scale."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from crexpress.core import artifacts, log, names
from crexpress.core.artifacts import Header
from crexpress.core.errors import InputError
from crexpress.core.tracks import FLOOR
from crexpress.links import scale
from crexpress.links.closed_forms import linear_signal
from crexpress.links.scene import MEASURED, TPM, Scene
from crexpress.prepare.contacts import Contacts
from crexpress.prepare.elements import TSS

_SAME, _ROUNDED = 0.98, 0.006  # share of genes whose values are the same but for rounding to two decimals
_TELLING = 30  # genes from which on that tells something


def read_scene(
    elements: tuple[pl.DataFrame, Header],
    genes: tuple[pl.DataFrame, Header],
    genes_file: Path,
    signals: Path,
    expression: Path | None = None,
    known: Mapping[str, np.ndarray] | None = None,
    contacts: Sequence[Path] = (),
    links: Path | None = None,
    sites: np.ndarray | None = None,
) -> Scene:
    """The cell of `signals` with all of its tracks on their linear scale, and whatever else is given of it.

    `known` {cell: log10(1 + TPM) [genes]}, this cell's own left out, by its name (`names.akin`) or values. Raises
    InputError for files of another cell or of other elements or genes. Of a cell with both DNase and ATAC, a model
    reads DNase. Expression in another unit than TPM is left out.
    """
    header, tensors = artifacts.open_arrays(signals, "signals")
    artifacts.require_same("elements", signals, header, genes_file, genes[1])
    cell = str(header["cell"])
    assays = [name for name in MEASURED if name in tensors]
    kept = [name for name in tensors if name not in assays[1:]]
    means = linear_signal(tensors, header["parameters"]["transform"])
    tracks = {MEASURED.get(name, name): means[name] for name in kept}
    artifacts.require_finite(signals, tracks)
    artifacts.require_rows(signals, tracks, genes_file, len(elements[0]))
    unit = read_unit(expression) if expression else None
    own = read_expression(expression, genes_file, genes, cell) if expression and unit == TPM else None
    namesakes = [name for name in known or {} if names.akin(name, cell)]
    copies = [name for name, values in (known or {}).items() if own is not None and _same_expression(own, values)]
    others = [values for name, values in (known or {}).items() if name not in {*namesakes, *copies}]
    maps: list[Contacts] = []
    matrices: list[Contacts] = []
    for path in contacts:
        opened = Contacts.open(path)
        _require(path, opened.header, "elements", genes_file, genes[1], cell)
        # in a matrix every pair of bins with a read has a contact: it holds no loops
        (matrices if set(opened.header["parameters"].get("formats", [])) == {"matrix"} else maps).append(opened)
    network = None
    if links:
        network, links_header = artifacts.read_table(links, "links")
        _require(links, links_header, "genes", genes_file, genes[1], cell)
        artifacts.require_same("elements", links, links_header, genes_file, genes[1])
        require_links(links, network, elements[0], genes[0])
    return Scene(
        cell,
        elements[0],
        genes[0],
        tracks,
        own,
        np.stack(others) if others else None,
        maps,
        matrices,
        network,
        sites,
        np.logical_and.reduce([values < FLOOR for values in means.values()]),
        [name for name in namesakes if name != cell],
        [name for name in copies if name not in namesakes],
        assays=assays,
        other_unit=unit if unit != TPM else None,
    )


def _same_expression(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two cells' log10(1 + TPM) are one measurement: the same in nearly all genes that have a value in both and
    are expressed in one. What is shipped has two decimals.
    """
    some = ((one > _ROUNDED) | (other > _ROUNDED)) & np.isfinite(one + other)
    return int(some.sum()) >= _TELLING and float((np.abs(one[some] - other[some]) < _ROUNDED).mean()) >= _SAME


def require_links(path: Path, links: pl.DataFrame, elements: pl.DataFrame, genes: pl.DataFrame) -> None:
    """Raise InputError unless each link comes once, is of one of the genes, where it is, and to one of the elements."""
    if len(links.select("gene_id", "chrom").unique().join(genes, on=["gene_id", "chrom"], how="anti")):
        raise InputError(f"{path} has a link of a gene that is not there; make it again")
    if len(links) and not 0 <= links["element"].min() <= links["element"].max() < len(elements):  # type: ignore[operator]
        raise InputError(f"{path} has a link to an element that is not there; make it again")
    if links.select("gene_id", "element").is_duplicated().any():
        raise InputError(f"{path} lists a link twice; make it again")


def read_sites(path: Path, elements: tuple[pl.DataFrame, Header], genes_file: Path, genes: Header) -> np.ndarray | None:
    """Whether each element has a match of CTCF's motif on the + and on the - strand, bool [2, elements].

    None, which is said, where CTCF is not among the motifs. Raises InputError for matches in other elements.
    """
    hits, header = artifacts.read_table(path, "motif_hits")
    artifacts.require_same("elements", path, header, genes_file, genes)
    told = header["parameters"]
    motifs = [name for name, factor in zip(told["motifs"], told["factors"], strict=True) if factor == "CTCF"]
    if not motifs:
        log.say(f"{path} has no motif of CTCF: which way its sites face is not known")
        return None
    own = hits.filter(pl.col("motif").is_in(motifs))
    if len(own) and not 0 <= own["element"].min() <= own["element"].max() < len(elements[0]):  # type: ignore[operator]
        raise InputError(f"{path} has a match in an element that is not there; make it again")
    found = np.zeros((2, len(elements[0])), bool)
    for row, strand in enumerate("+-"):
        found[row, own.filter(pl.col("strand") == strand)["element"].to_numpy()] = True
    return found


def read_unit(path: Path) -> str:
    """Unit of a cell's expression, TPM where nothing is said of it."""
    return str(artifacts.require_header(path)["parameters"].get("unit") or TPM)


def read_expression(
    path: Path, genes_file: Path, genes: tuple[pl.DataFrame, Header], cell: str | None = None
) -> np.ndarray:
    """log10(1 + TPM) of every gene, float64, NaN where not measured; InputError for other genes, cell or unit."""
    table, header = artifacts.read_table(path, "expression")
    _require(path, header, "genes", genes_file, genes[1], cell or header["cell"])
    unit = read_unit(path)
    if unit != TPM:
        raise InputError(f"{path} is in {unit}, and link models read {TPM}; give expression in {TPM}")
    artifacts.require_genes(path, table, genes_file, genes[0])
    return np.log10(1 + table["value"].cast(pl.Float64).fill_null(float("nan")).to_numpy())


def on_scale(scene: Scene, scales: Mapping[str, scale.Scale]) -> Scene:
    """The cell with the tracks that a model knows, on its scale; others are left out."""
    ccres = ccre_rows(scene)
    tracks = {
        name: scale.match(scene.tracks[name], ccres, known) for name, known in scales.items() if name in scene.tracks
    }
    return replace(scene, tracks=tracks)


def measure(scene: Scene) -> dict[str, scale.Scale]:
    """Scale of every track of the cell."""
    ccres = ccre_rows(scene)
    return {name: scale.measure(values[ccres]) for name, values in scene.tracks.items()}


def ccre_rows(scene: Scene) -> np.ndarray:
    """Which elements are cCREs, not TSS windows: bool [elements]."""
    return (scene.elements["class"] != TSS).to_numpy()


def _require(path: Path, header: Header, what: str, genes_file: Path, like: Header, cell: str) -> None:
    artifacts.require_same(what, path, header, genes_file, like)
    if header["cell"] != cell:
        raise InputError(f"{path} is of {header['cell']}, the signals are of {cell}; give files of one cell")
