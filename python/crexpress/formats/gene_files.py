"""Genes and transcripts as annotations list them: GTF (GENCODE, Ensembl, UCSC) and BED, a line each."""

from pathlib import Path

import polars as pl

from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.formats import text_files

_ATTRIBUTES = ("gene_id", "gene_name", "gene_type", "gene_biotype", "gene")


def read_transcripts(path: str | Path) -> pl.DataFrame:
    """`transcript_id` and `gene_id` of every transcript of a GTF."""
    lines = text_files.read_lines(path, keep=lambda line: "\ttranscript\t" in line or "\texon\t" in line)
    names = (pl.col("text").str.extract(f'{name} "([^"]+)"').alias(name) for name in ("transcript_id", "gene_id"))
    return lines.select(names).drop_nulls().unique(maintain_order=True)


def gtf_rows(path: str | Path) -> pl.DataFrame:
    """Gene and transcript lines of a GTF; `tss` is the 5' end of each."""
    lines = text_files.read_lines(path, keep=lambda line: "\tgene\t" in line or "\ttranscript\t" in line, empty=True)
    rows = _gtf_fields(lines)
    if not (rows["feature"] == "gene").any():
        rows = _genes_of_exons(path)
    return rows.with_columns(
        pl.coalesce("gene_name", "gene", "gene_id"),
        gene_type=pl.coalesce("gene_type", "gene_biotype", pl.lit("")),
        tss=_five_prime(),
    )


def _gtf_fields(lines: pl.DataFrame) -> pl.DataFrame:
    fields = pl.col("text").str.split("\t")
    return lines.with_columns(
        fields.list.get(0).alias("chrom"),
        fields.list.get(2, null_on_oob=True).alias("feature"),
        # GTF is 1-based and closed; inside everything is 0-based half-open
        fields.list.get(3, null_on_oob=True).cast(pl.Int64, strict=False).alias("start") - 1,
        fields.list.get(4, null_on_oob=True).cast(pl.Int64, strict=False).alias("end"),
        fields.list.get(6, null_on_oob=True).alias("strand"),
        fields.list.get(8, null_on_oob=True).alias("attributes"),
    ).with_columns(pl.col("attributes").str.extract(f'\\b{name} "([^"]+)"').alias(name) for name in _ATTRIBUTES)


def _genes_of_exons(path: str | Path) -> pl.DataFrame:
    """Genes and transcripts of a GTF without gene lines (UCSC, iGenomes), each from its first to its last exon.

    Where it names no type, a gene with a CDS is protein_coding.
    """
    kinds = ("exon", "CDS", "transcript")
    lines = text_files.read_lines(path, keep=lambda line: any(f"\t{kind}\t" in line for kind in kinds), empty=True)
    parts = _gtf_fields(lines).with_columns(transcript_id=pl.col("text").str.extract('transcript_id "([^"]+)"'))
    if parts["gene_id"].is_null().all():
        raise InputError(f"{path} has no line of type gene or exon; give a full GENCODE or Ensembl GTF")
    log.say(f"{path} has no line of type gene; genes are made of its exons and transcripts")
    parts = parts.filter(pl.col("gene_id").is_not_null())
    untyped = parts["gene_type"].is_null().all() and parts["gene_biotype"].is_null().all()
    if untyped and (parts["feature"] == "CDS").any():
        coding = (pl.col("feature") == "CDS").any().over("gene_id", "chrom", "strand")
        parts = parts.with_columns(gene_type=pl.when(coding).then(pl.lit("protein_coding")).otherwise(pl.lit("other")))
        log.say(f"{path} names no gene types; genes with a CDS are taken for protein_coding")
    elif untyped:
        parts = parts.with_columns(gene_type=pl.lit("protein_coding"))
        log.say(f"Note: {path} names no gene types and no CDS; all its genes are taken for protein_coding")
    about = [pl.col("line", "attributes", *_ATTRIBUTES[1:]).first(), pl.col("start").min(), pl.col("end").max()]
    place = ("gene_id", "chrom", "strand")
    genes = parts.group_by(*place, maintain_order=True).agg(*about).with_columns(feature=pl.lit("gene"))
    transcripts = parts.group_by(*place, "transcript_id", maintain_order=True).agg(*about)
    transcripts = transcripts.drop("transcript_id").with_columns(feature=pl.lit("transcript"))
    return pl.concat([genes, transcripts], how="diagonal").with_columns(derived=pl.lit(True))


def bed_rows(path: str | Path) -> pl.DataFrame:
    """Genes of a BED, with null as biotype where it has none."""
    rows = text_files.read_intervals(path, columns=6).rename({"column_4": "gene_id", "column_6": "strand"})
    symbols = "column_7" in rows.columns and not rows["column_7"].str.contains(r"^\d+$").all()  # else a BED12
    typed = symbols and "column_8" in rows.columns
    return rows.with_columns(
        tss=_five_prime(),
        feature=pl.lit("gene"),
        gene_name=pl.coalesce("column_7", "gene_id") if symbols else pl.col("gene_id"),
        gene_type=pl.col("column_8").fill_null("") if typed else pl.lit(None, pl.String),
    )


def _five_prime() -> pl.Expr:
    """0-based position of the first transcribed base."""
    return pl.when(pl.col("strand") == "+").then(pl.col("start")).otherwise(pl.col("end") - 1)
