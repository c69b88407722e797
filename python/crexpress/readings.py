"""What `import crexpress as cx` reads out of a model as the tools of `--explain` do: attention between elements, what
silencing several does, mutations, active elements, categories of genes, motifs, clusters; and links for other programs.

As in `crexpress.api`, each function calls the room whose work it is.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import polars as pl

from crexpress.api import Scored
from crexpress.apply import cell_model
from crexpress.asking import joined
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.study import Study
from crexpress.formats.meme import read_meme
from crexpress.interpret import active as active_elements
from crexpress.interpret import active_files, category_files, embedding_files, find_motifs
from crexpress.interpret import attention as attending
from crexpress.interpret.categories import Thresholds
from crexpress.interpret.chosen import asked_pairs
from crexpress.interpret.edited import read_motifs
from crexpress.interpret.embedding import Settings
from crexpress.interpret.mutagenesis import mutate
from crexpress.interpret.together import Together
from crexpress.links import exports
from crexpress.links.exports import shown
from crexpress.models.base import Model


class Silenced(NamedTuple):
    """Falls of expression without all elements of a `windows`, and without each of `pairs` of elements."""

    windows: pl.DataFrame
    pairs: pl.DataFrame


class Active(NamedTuple):
    """Links with their ranks and whether they are `active`, a row a gene, and classes of elements with odds ratios."""

    links: pl.DataFrame
    genes: pl.DataFrame
    classes: pl.DataFrame


def attention_map(model: Model, study: Study, cell: str, genes: str | Sequence[str]) -> attending.AttentionMap:
    """Attention between all elements that some genes see, query by key: means over heads, layers and genes.

    Example:
        found = cx.attention_map(model, study, "A", ["NAME7", "NAME8"])
        print(study.elements["element_id"][found.elements], found.probability.shape, found.logit.shape)
    """
    rows = [study.gene(name) for name in ([genes] if isinstance(genes, str) else genes)]
    loops = model.config.loop_prior != "none"
    loaded = cell_model.of_cells(model, study.inputs(cell), loop_rows="all" if loops else None)
    return attending.attention_map(model, loaded.store, 0, rows)


def together(
    model: Model,
    study: Study,
    cell: str,
    genes: str | Sequence[str],
    *,
    windows: Sequence[int] = (10_000, 50_000, 100_000),
    pairs: int = 10,
    tokens: int = 200_000,
) -> Silenced:
    """Silence all elements of a gene within some bp of its TSS, and each pair of its `pairs` strongest elements.

    `epistasis` is the fall of both minus the sum of their single falls.

    Example:
        silenced = cx.together(model, study, "A", "NAME7", windows=[20_000], pairs=3)
        print(silenced.windows, silenced.pairs.sort("epistasis"))
    """
    rows = [study.gene(name) for name in ([genes] if isinstance(genes, str) else genes)]
    loaded = cell_model.of_cells(model, study.inputs(cell))
    found = Together(model, loaded.store, 0, tokens, loaded.precision)
    return Silenced(found.windows(rows, windows), found.pairs(rows, pairs))


def mutations(
    model: Model,
    study: Study,
    cell: str,
    genes: str | Sequence[str],
    elements: str | Sequence[str],
    *,
    motif_file: str | Path | None = None,
    tokens: int = 200_000,
) -> pl.DataFrame:
    """What every single base of elements, changed to each other one, does to genes that see them.

    Models that read motif scores need the MEME file that these were made with.

    Example:
        nearest = study.elements["element_id"][study.genes["element"][7]]
        print(cx.mutations(model, study, "A", "NAME7", nearest).sort("effect").head(3))
    """
    store = cell_model.of_cells(model, study.inputs(cell)).store
    asked = asked_pairs(store, cell, joined(genes), joined(elements))
    motif_set = read_motifs(model, None if motif_file is None else Path(motif_file), study.path("motifs"))
    return pl.concat(table for table, _, _ in mutate(model, store, 0, asked, study.path("sequence"), motif_set, tokens))


def active(
    links: Scored,
    genes: str | Sequence[str] = (),
    *,
    k: int = 5,
    absolute: bool = False,
    resamples: int = 1000,
    seed: int = 1,
) -> Active:
    """Active elements of genes (none: all): the top k of attention that are also in the top k of perturbation.

    `.classes` counts their cCRE classes against all elements in reach of the same genes.

    Example:
        found = cx.active(links, k=3, resamples=100)
        print(found.genes.head(3), found.classes)
    """
    with TemporaryDirectory() as folder:
        [path] = links.write(folder)
        table = active_files.find(path, links.study.require("elements"), joined(genes), k, absolute).table
    return Active(table, active_elements.by_gene(table), active_elements.classes(table, resamples, seed))


def categories(
    predictions: Scored,
    links: Scored | None = None,
    *,
    split: str = "test",
    high: float = 0.7,
    low: float = 0.2,
    resamples: int = 1000,
    seed: int = 1,
) -> category_files.Classified:
    """Genes of one cell rightly and wrongly predicted, the tracks around them, and with links the decay of effects.

    Example:
        found = cx.categories(cx.predict(model, study, "A"), links, split="all", resamples=100)
        print(found.counts, found.around.head(3), found.decay.head(3))
    """
    study, cells = predictions.study, predictions.source.cells
    if len(cells) != 1:
        raise InputError(f"genes are classified in one cell, and these predictions are of {len(cells)}; predict one")
    with TemporaryDirectory() as folder:
        [own] = predictions.write(folder)
        case = category_files.read(
            own, study.require("expression", cells[0]), study.require("elements"), study.require("genes"),
            study.require("signals", cells[0]), None if links is None else links.write(folder)[0],
        )  # fmt: skip
    return category_files.classify(case, split, Thresholds(high, low), resamples, seed)


def motifs(
    links: Scored,
    motif_file: str | Path,
    folder: str | Path,
    *,
    score: str = "perturbation",
    top: int | None = None,
    test: str = "fisher",
    seed: int = 1,
) -> pl.DataFrame:
    """Known motifs that the `top` elements of links (none: half) have more often than others of their class, GC content
    and distance to a TSS; written to a folder with the sequences that MEME-ChIP takes.

    Example:
        print(cx.motifs(links, "known.meme", "motifs").select("factor", "odds_ratio", "q_fisher").head(3))
    """
    study, meme = links.study, Path(motif_file)
    motif_set = read_meme(meme)
    with TemporaryDirectory() as temporary:
        [path] = links.write(temporary)
        rows, pool = find_motifs.chosen_elements(study.element_table, None, path, score, top)
        return find_motifs.find_enriched(
            Path(folder), study.element_table, study.gene_table, study.require("sequence"), motif_set, rows, pool,
            test=test, seed=seed, sources=[study.require("elements"), study.require("sequence"), meme, path],
        )  # fmt: skip


def clusters(
    model: Model,
    study: Study,
    cell: str,
    *,
    most: int = 20_000,
    settings: Settings | None = None,
    sets: Mapping[str, Sequence[str]] | None = None,
    tokens: int = 200_000,
) -> embedding_files.Embedded:
    """Elements (at most so many) and genes of a cell as AnnData with PCA, Leiden clusters and UMAP, by default with
    CREaTor's settings (`interpret.embedding.Settings`).

    `.tables`: classes and tracks by cluster, expression nearby, and enrichment of `sets` of genes (`formats.gmt.read`).
    """
    loaded = cell_model.of_cells(model, study.inputs(cell))
    signals, expression = study.require("signals", cell), study.paths("expression", [cell])
    return embedding_files.embed(loaded, 0, signals, expression, most, settings or Settings(), sets, tokens)


def export(
    links: Scored,
    folder: str | Path,
    formats: Collection[str] = (),
    *,
    score: str = "",
    top: int | None = None,
    cutoff: float | None = None,
    genome: str = "",
) -> list[Path]:
    """Write links for genome browsers, spreadsheets and other programs (formats: none for all); the files' paths.

    Example:
        print(cx.export(links, "exported", ["bedpe", "longrange", "bigwig"], top=3))
    """
    with TemporaryDirectory() as temporary:
        table, header = artifacts.read_table(links.write(temporary)[0], "links")
    lengths = shown.lengths_of(links.study.elements, links.study.element_table.header)
    chosen = shown.choose(table, header, lengths, score, top, cutoff)
    return exports.export(Path(folder), chosen, formats, genome)
