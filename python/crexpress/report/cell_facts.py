"""What must be said of a cell: which elements are silent, how far a model saw, which links are recommended."""

import numpy as np
import polars as pl

from crexpress.core import tracks
from crexpress.core.methods import PLAIN, PROBABILITY, of_link_model, of_links
from crexpress.data import neighbours
from crexpress.report.inputs import Inputs

NO_SIGNAL = "no signal in this cell"
PROMOTER = 1000  # bp from the TSS within which an element counts as the promoter itself
TOP = 5  # links of a gene that are recommended where no link model calls any


def along(distance: int, strand: str | None) -> int:
    """Distance of an element from a TSS along the gene, bp: upstream is minus. Tables of files have the genome's."""
    return -distance if strand == "-" else distance


def silent(inputs: Inputs, cell: str) -> np.ndarray | None:
    """Whether each element has no signal in any track of the cell (linear mean below `tracks.FLOOR`): bool [elements].

    None without the cell's signals. A network can rank such elements high all the same; nothing supports them here.
    """
    signals = inputs.signals.get(cell)
    if signals is None:
        return None
    if ("silent", cell) in inputs.known:
        return inputs.known["silent", cell]
    transform, names = signals.header["parameters"]["transform"], signals.header["parameters"]["tracks"]
    means = (tracks.element_means(signals.data.tensors[name], transform, np.float32) for name in names)
    quiet: np.ndarray = np.logical_and.reduce([mean < tracks.FLOOR for mean in means])
    inputs.known["silent", cell] = quiet
    return quiet


def marked(inputs: Inputs, cell: str, links: pl.DataFrame) -> pl.DataFrame:
    """Links with `silent`: does their element have no signal in the cell? False where that is not known."""
    quiet = silent(inputs, cell)
    own = pl.Series("silent", np.zeros(len(links), bool) if quiet is None else quiet[links["element"].to_numpy()])
    return links.with_columns(own)


def main_score(inputs: Inputs, cell: str) -> tuple[str, str]:
    """Column and label of the score by which a cell's links are recommended: a link model's probability; else the
    effect of perturbing the element; else the table's first.
    """
    if cell in inputs.scored:
        return PROBABILITY, "probability"
    plain = [method for method in of_links(inputs.links[cell].header["parameters"]) if method.form == PLAIN]
    best = next((method for method in plain if method.score == "perturbation"), plain[0])
    return best.score, best.title


def candidates(inputs: Inputs, cell: str) -> pl.DataFrame:
    """All links of a cell that have the main score, with `silent` and `called`: those to recommend.

    A link model calls its own; without one they are the TOP of each gene. Elements without signal are never among them.
    """
    if inputs.known.get("candidates", ("",))[0] != cell:  # of one cell at a time: there are millions
        inputs.known["candidates"] = (cell, _candidates(inputs, cell))
    return inputs.known["candidates"][1]


def _candidates(inputs: Inputs, cell: str) -> pl.DataFrame:
    score, _ = main_score(inputs, cell)
    if cell in inputs.scored:
        table = inputs.scored[cell].data
        network = inputs.links[cell]
        if not of_link_model(network.header):
            own = [name for name in network.data.columns if name not in table.columns]
            more = network.data.select("gene_id", "element", *own)
            table = table.join(more, on=["gene_id", "element"], how="left", maintain_order="left")
        links = marked(inputs, cell, table)
        return links.with_columns(called=pl.col("linked") & ~pl.col("silent"))
    links = marked(inputs, cell, inputs.links[cell].data)
    place = pl.when("silent").then(None).otherwise(score).rank("ordinal", descending=True).over("gene_id")
    return links.with_columns(called=((place <= TOP) & (pl.col(score) > 0)).fill_null(False))


def silent_shares(inputs: Inputs, cell: str) -> dict[str, float]:
    """Share of silent elements among each gene's TOP highest links beyond the promoter, by plain score of the table.

    {label: share}; nothing without the cell's signals.
    """
    if cell not in inputs.signals:
        return {}
    links = marked(inputs, cell, inputs.links[cell].data.filter(pl.col("distance").abs() >= PROMOTER))
    shares = {}
    for method in of_links(inputs.links[cell].header["parameters"]):
        if method.form == PLAIN and method.score in links.columns:
            top = links.filter(pl.col(method.score).rank("ordinal", descending=True).over("gene_id") <= TOP)
            shares[method.title] = float(top["silent"].mean() or 0)  # type: ignore[arg-type]
    return shares


def reach(inputs: Inputs, cell: str) -> pl.DataFrame | None:
    """How far the network saw of every gene: `gene_id`, `upstream` and `downstream` in bp (to the middle of the
    farthest element on that side, along the gene; 0 where there is none), and `elements`, how many; None where it is
    not known.
    """
    if ("reach", cell) not in inputs.known:
        inputs.known["reach", cell] = _reach(inputs, cell)
    return inputs.known["reach", cell]


def _reach(inputs: Inputs, cell: str) -> pl.DataFrame | None:
    model = inputs.config.get("model", {})
    genes = inputs.genes.data
    if inputs.elements is not None and model.get("neighbours"):
        index = neighbours.nearest(genes, inputs.elements.data, model["neighbours"])
        index[:, index.shape[1] // 2] = neighbours.PAD  # the promoter itself
        far = neighbours.distances(genes, inputs.elements.data, index)
        outside = np.abs(far) > (model.get("window") or 2**62) // 2
        far, index = np.where(outside, 0, far), np.where(outside, neighbours.PAD, index)
        left, right = (-far).max(axis=1, initial=0), far.max(axis=1, initial=0)
        number = (index != neighbours.PAD).sum(axis=1)
        plus = (genes["strand"] == "+").to_numpy()
        sides = {"upstream": np.where(plus, left, right), "downstream": np.where(plus, right, left)}
        return pl.DataFrame({"gene_id": genes["gene_id"], **sides, "elements": number})
    links = inputs.links.get(cell)
    if links is None or of_link_model(links.header):
        return None
    along = pl.col("distance") * pl.when(pl.col("strand") == "+").then(1).otherwise(-1)
    told = links.data.join(genes.select("gene_id", "strand"), on="gene_id", maintain_order="left")
    return told.group_by("gene_id", maintain_order=True).agg(
        (-along).max().clip(0).alias("upstream"), along.max().clip(0).alias("downstream"), pl.len().alias("elements")
    )
