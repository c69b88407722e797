"""From options to files: what bin/score-variants does for a cell."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crexpress.apply.cell_model import CellModel
from crexpress.core import artifacts, files, log
from crexpress.core.errors import InputError
from crexpress.formats import text_files
from crexpress.formats.edit_files import SCHEMA, left_out, read_edits
from crexpress.interpret import edits as editing
from crexpress.interpret import table_files
from crexpress.interpret.chosen import element_rows
from crexpress.interpret.edit_effects import effects, spread_over_models
from crexpress.interpret.edited import Edited, read_motifs

AT_ONCE = 512  # windows edited and encoded at once
_VEP = (
    *("Uploaded_variation", "Location", "Allele", "Gene", "Feature", "Feature_type", "Consequence", "cDNA_position"),
    *("CDS_position", "Protein_position", "Amino_acids", "Codons", "Existing_variation", "Extra"),
)


def collect(
    like: CellModel, variants: Path | None, remove: str | None, fasta: Path | None
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Edits of a file and elements to remove, the elements that each touches, and all that is left out.

    Raises InputError for whatever can be known of the files before a model is run.
    """
    elements = like.store.elements
    table, lost, hit = pl.DataFrame(schema=SCHEMA), left_out([]), None
    if variants is not None:
        if fasta is None:
            raise InputError("variants are checked against the genome's sequence; give its FASTA as --fasta")
        checked = editing.check(read_edits(variants), variants, fasta, dict(like.store.chromosomes))
        table, lost = checked.table, checked.left_out
        hit = editing.touched(table, elements)
    if remove is not None:
        rows = element_rows(elements, text_files.names(remove))
        own = elements[rows].select(
            pl.lit(0, pl.Int64).alias("line"), pl.col("element_id").alias("name"), "chrom",
            pl.col("ccre_start").cast(pl.Int64).alias("start"), pl.col("ccre_end").cast(pl.Int64).alias("end"),
            ref=pl.lit(None, pl.String), alt=pl.lit(""), action=pl.lit("remove"),
        )  # fmt: skip
        number = np.arange(len(table), len(table) + len(own), dtype=np.uint32)
        gone = pl.DataFrame({"edit": number, "element": rows.astype(np.uint32), "whole": np.full(len(own), True),
                             "silent": np.full(len(own), True)})  # fmt: skip
        hit = gone if hit is None else pl.concat([hit, gone])
        table = pl.concat([table, own])
    if hit is None:
        raise InputError("there is nothing to change; give --variants, --remove, or both")
    return table, hit, lost


def score_variants(
    models: Sequence[CellModel],
    cell: int,
    *,
    variants: Path | None = None,
    remove: str | None = None,
    fasta: Path | None = None,
    motif_file: Path | None = None,
    motifs: Path | None = None,
    tokens: int = 200_000,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Effects of edits in a cell, by one model or the mean of several, a row an edit and gene; and what is left out."""
    like = models[0]
    table, hit, lost = collect(like, variants, remove, fasta)
    by_bases = (table["action"] == "sequence").any()
    parts = []
    for loaded in models:
        model, store = loaded.model, loaded.store
        if model.config.anchored:
            raise InputError("a model predicts changes between cells (--anchored); take those that are not anchored")
        if by_bases and not (model.config.sequence or model.config.motifs):
            raise InputError(
                "this model reads neither sequence nor motif scores, so that no variant can matter to it; give "
                "deletions (BED), --remove, or a model that reads sequence"
            )
        if variants is not None:
            data = store.cells[cell]
            read = [name for name, there in zip(model.config.tracks, data.present.tolist(), strict=True) if there]
            editing.require_tracks(table, read, variants, data.name)
        scores = read_motifs(model, motif_file, motifs) if (~hit["whole"]).any() else None
        edited = Edited(model, store, cell, scores)
        vectors = edited.silent.repeat(len(hit), 1)
        own = np.flatnonzero(~hit["whole"].to_numpy())
        if len(own):
            assert fasta is not None
            some = hit[own]
            lengths = dict(store.chromosomes)
            element = some["element"].to_numpy().astype(np.int64)
            vectors[own] = edited.vectors(table[some["edit"]], element, fasta, lengths, AT_ONCE)
        parts.append(effects(model, store, cell, edited, hit, vectors, tokens))
    if any(loaded.store.profiles is not None for loaded in models):
        actions = table["action"][hit.filter(~pl.col("silent"))["edit"].unique()]
        if count := int((actions != "sequence").sum()):
            log.say(f"{count:,} edits change a part of an element's signal: it changes in the element alone, and genes "
                    "keep their own profiles around the TSS, of which only whole elements are taken")  # fmt: skip
    found = spread_over_models(parts)
    lost = pl.concat([lost, _unseen(table, hit, found)]).sort("line", maintain_order=True)
    rows = _named(like, table, found)
    for reason, count in lost.group_by("reason", maintain_order=True).len().iter_rows():
        log.say(f"{count:,} left out: {reason}")
    log.say(
        f"{len(table):,} edits reach {rows['gene_id'].n_unique():,} genes of {like.cells[cell]} ({len(rows):,} pairs)"
    )
    return rows, lost


def write(
    outdir: Path, models: Sequence[CellModel], cell: int, rows: pl.DataFrame, lost: pl.DataFrame, sources: list[Path]
) -> None:
    """variants.CELL.parquet, .txt (VEP's columns) and .left_out.tsv; `sources` are the files beside the models' own."""
    name = models[0].cells[cell]
    header = models[0].header("variants", "score-variants", cell, models=len(models))
    header["sources"] += [artifacts.source(path) for path in sources]
    table_files.write(outdir / f"variants.{name}.parquet", rows, header)
    with files.replacing(outdir / f"variants.{name}.txt") as temporary:
        temporary.write_text(vep(rows))
    files.write_tsv(outdir / f"variants.{name}.left_out.tsv", lost)


def _unseen(table: pl.DataFrame, hit: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Edits that no gene feels, and why."""
    rows = table.with_row_index("edit")
    outside = rows.join(hit, on="edit", how="anti")
    alone = rows.join(hit, on="edit", how="semi").join(found, on="edit", how="anti")
    return left_out(
        [
            (row["line"], row["name"], editing.shown(row), reason)
            for part, reason in ((outside, "in no element"), (alone, "in elements that no gene sees"))
            for row in part.iter_rows(named=True)
        ]
    )


def _named(like: CellModel, table: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """A row an edit and gene, in the order of the edits, those with the largest effects first."""
    genes, elements = like.store.genes, like.store.elements
    rows = found.sort("edit", pl.col("effect").abs(), descending=[False, True], maintain_order=True)
    own = genes[rows["gene"].to_numpy()]
    edit = table[rows["edit"].to_numpy()]
    seen = [elements[part.to_numpy()] for part in rows["elements"]]
    return pl.concat(
        [
            edit.select("line", "name", "chrom", "start", "end", "ref", "alt", "action"),
            own.select("gene_id", "gene_name", "tss"),
            pl.DataFrame(
                {
                    "distance": _distance(edit, own["tss"]),
                    "elements": [",".join(part["element_id"]) for part in seen],
                    "classes": [",".join(part["class"].unique(maintain_order=True)) for part in seen],
                },
                schema_overrides={"elements": pl.String, "classes": pl.String},
            ),
            rows.select("predicted", "edited", "effect", "spread", "models").cast(
                {name: pl.Float32 for name in ("predicted", "edited", "effect", "spread")}
            ),
        ],
        how="horizontal",
    )


def _distance(edit: pl.DataFrame, tss: pl.Series) -> pl.Series:
    """bp from each TSS to the nearest base that its edit changes, along the genome; 0 where the TSS is one of them."""
    first = edit["start"] - tss.cast(pl.Int64)
    last = first + (edit["end"] - edit["start"] - 1).clip(0)
    return first.clip(0) + last.clip(upper_bound=0)


def vep(rows: pl.DataFrame) -> str:
    """The rows in the columns of Ensembl VEP's default text, one line a gene; effects stand in Extra."""
    lines = ["## crexpress score-variants", "#" + "\t".join(_VEP)]
    for row in rows.iter_rows(named=True):
        lines.append("\t".join(_vep_fields(row)))
    return "\n".join(lines) + "\n"


def _vep_fields(row: dict[str, Any]) -> list[str]:
    first, last = sorted((row["start"] + 1, row["end"]))  # of an insertion the bases on both sides, as VEP has them
    place = f"{row['chrom']}:{first}" + (f"-{last}" if last > first else "")
    whole = row["action"] in ("delete", "remove")
    what = row["action"] if row["ref"] is None else f"{row['ref'] or '-'}/{row['alt'] or '-'}"
    made = f"{row['chrom']}_{row['start'] + 1}_{what}"
    extra = {
        "SYMBOL": row["gene_name"],
        "DISTANCE": abs(row["distance"]),
        "EFFECT": f"{row['effect']:.5f}",
        **({} if row["spread"] is None else {"SPREAD": f"{row['spread']:.5f}"}),
        "PREDICTED": f"{row['predicted']:.4f}",
        "CLASS": row["classes"],
    }
    return [
        *(row["name"] or made, place, row["alt"] or "-", row["gene_id"], row["elements"], "RegulatoryFeature"),
        "regulatory_region_ablation" if whole else "regulatory_region_variant",
        *["-"] * 5,
        row["name"] if (row["name"] or "").startswith("rs") else "-",
        ";".join(f"{key}={value}" for key, value in extra.items()),
    ]
