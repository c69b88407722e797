"""Genes and the one transcription start site (TSS) that stands for each of them."""

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import polars as pl

from crexpress.core import chromosome_names, log
from crexpress.core.artifacts import digest
from crexpress.core.columns import DIGESTED
from crexpress.core.errors import InputError
from crexpress.formats import text_files
from crexpress.formats.gene_files import bed_rows, gtf_rows

TssRule = Literal["main", "gene", "canonical", "scpge-compat"]
TSS_RULES: tuple[TssRule, ...] = ("main", "gene", "canonical", "scpge-compat")
MAIN_TSS_REACH = 250  # bp; transcripts that start this close vote for the same TSS
_OUTSIDE = 10_000  # bp from a gene's ends; a TSS of its own list lies nearer, one of another genome build hardly
_TELLING = 10  # genes; more of them outside tell of another build, fewer may be meant
_ENSEMBL = r"^(?:.*?[|_:;,/ ])?(ENS[A-Z]*[GT]\d+)"
_PAR_Y = r"\b(ENS[GT])R(\d{10})"  # how GENCODE named the genes of chrY's pseudoautosomal regions before release 25
_COLUMNS = ("gene_id", "gene_name", "gene_type", "chrom", "start", "end", "strand", "tss")


def read_genes(
    path: str | Path,
    rule: TssRule = "main",
    biotypes: Collection[str] = ("protein_coding",),
    exclude: Collection[str] = chromosome_names.LEFT_OUT,
    scaffolds: bool = False,
    known: Collection[str] = (),
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> pl.DataFrame:
    """Genes of a GTF (GENCODE or Ensembl) or a BED, in chromosome order, then by TSS.

    Columns as in genes.parquet (docs/artifacts.md) without `element`. In a BED (gene id, score, strand, then
    optionally symbol and biotype from column 4 on) each line is a gene and its 5' end the TSS: so a BED is
    also the way to give genes of one's own.

    rule: "main" is the TSS with most transcripts starting within 250 bp, ties most 5' (basic transcripts
    where the annotation marks them); "gene" is the gene's 5' end, as in both papers; "canonical" that of the
    MANE Select or Ensembl canonical transcript, and the main one where a gene has neither; "scpge-compat" is
    what ScPGE's released code does (docs/science.md row 3): the GTF's 1-based 5' end taken for a 0-based one,
    so a base further on, and of genes of one name only the last.
    biotypes: those to keep, or "all". exclude: chromosomes to leave out, in either spelling; they must be in
    the annotation or among `known`, the genome's names. aliases: the genome's name of chromosomes that this file calls
    otherwise (see `chromosome_names`).

    What is filtered out may be faulty; a gene without a strand is left out, and counted. Raises InputError for a line
    that cannot be read, a duplicated gene id, or when no gene is left.
    """
    head = text_files.first_line(path).split("\t")
    is_gtf = len(head) >= 9 and not head[1].isdigit()
    if is_gtf and "gene_id" not in head[8]:
        raise InputError(f"{path} is not a GTF (no gene_id in column 9; GFF3 is not read); give the GTF")
    if not is_gtf and rule in ("canonical", "scpge-compat"):
        raise InputError(f"{path} is a BED, whose 5' ends are the TSSs; TSS rule '{rule}' needs a GTF")
    rows = gtf_rows(path) if is_gtf else bed_rows(path)
    rows = rows.with_columns(pl.col("chrom").replace(dict(aliases)))
    names = rows["chrom"].unique()
    chromosome_names.require_known(exclude, {*names, *known}, path)
    here = pl.col("chrom").is_in(chromosome_names.usable(names, exclude, scaffolds))
    torn = int(rows.select((pl.col("feature") == "gene") & pl.col("gene_id").is_null()).sum().item())
    if torn:
        log.say(f"Note: {path}: {torn:,} lines of genes that lack a column, or a gene_id, left out")
    every = _of_biotype(path, rows.filter(pl.col("feature") == "gene"), biotypes)
    genes = _usable_lines(path, every.filter(here))
    if elsewhere := len(every) - int(every.select(here.sum()).item()):
        log.say(f"{path}: {elsewhere:,} genes on excluded chromosomes and scaffolds left out")
    if genes.is_empty():
        if not any(map(chromosome_names.is_canonical, names)):
            raise InputError(chromosome_names.strange_names(names, path))
        raise InputError(f"{path}: no gene is left after the filters on biotype and chromosome; loosen them")
    if "derived" in genes.columns:
        genes = _at_one_place(path, genes)
    twice = genes.filter(pl.col("gene_id").is_duplicated())
    if len(twice):
        lines = twice.filter(pl.col("gene_id") == twice["gene_id"][0])["line"].to_list()
        raise InputError(f"{path}: lines {lines[0]} and {lines[1]} both are gene {twice['gene_id'][0]}; keep one")
    if rule == "scpge-compat":
        genes = _as_released(path, genes)
    elif is_gtf and rule != "gene":
        transcripts = rows.filter(here, pl.col("feature") == "transcript").join(genes, on="gene_id", how="semi")
        genes = _at_transcripts(path, genes, _usable_lines(path, transcripts), rule)
    return in_chromosome_order(genes.select(_COLUMNS))


def in_chromosome_order(genes: pl.DataFrame) -> pl.DataFrame:
    """Genes sorted by chromosome (natural order), TSS, then id."""
    order = {name: rank for rank, name in enumerate(chromosome_names.natural_order(genes["chrom"].unique()))}
    rank = pl.col("chrom").replace_strict(order, return_dtype=pl.Int32)
    return genes.sort(rank, "tss", "gene_id")


def bare_ids(names: pl.Series) -> pl.Series:
    """Ensembl ids alone, without version, mapping suffix and symbol; other names as they are.

    ENSG00000186092.4, ENSG00000186092.4_2 (GENCODE's lift), ENSG00000186092.4_OR4F5 (RSEM --append-names) and
    OR4F5|ENSG00000186092 -> ENSG00000186092. A gene of chrY's pseudoautosomal regions keeps apart from its twin on
    chrX, in either spelling: ENSG00000182378.14_PAR_Y and ENSGR0000182378.14 -> ENSG00000182378_PAR_Y.
    """
    name = pl.col("name").str.replace(_PAR_Y, "${1}0${2}")
    twin = pl.col("name").str.contains(_PAR_Y) | pl.col("name").str.contains("_PAR_Y")
    ensembl = name.str.extract(_ENSEMBL)
    spelt = pl.when(twin).then(ensembl + "_PAR_Y").otherwise(ensembl)
    return pl.DataFrame({"name": names}).select(name=pl.coalesce(spelt, "name")).to_series()


def on_chromosomes(genes: pl.DataFrame, lengths: Mapping[str, int | None], path: str | Path) -> pl.DataFrame:
    """Genes of the annotation `path` on chromosomes of this genome, under the genome's names.

    Raises InputError when no chromosome is shared or a gene lies behind the end of its chromosome.
    """
    spelling = chromosome_names.reconcile(genes["chrom"].unique(maintain_order=True), lengths, path)
    kept = genes.with_columns(pl.col("chrom").replace_strict(spelling, default=None)).drop_nulls("chrom")
    if len(kept) < len(genes):
        lacking = chromosome_names.shown(set(genes["chrom"]) - set(spelling))
        log.say(f"{path}: {len(genes) - len(kept):,} genes on chromosomes that the genome lacks left out ({lacking})")
    beyond = kept.filter(
        pl.max_horizontal("end", "tss") > pl.col("chrom").replace_strict(dict(lengths), return_dtype=pl.Int64)
    )
    if len(beyond):
        row = beyond.row(0, named=True)
        raise InputError(
            f"{path}: gene {row['gene_id']} ends at {max(row['end'], row['tss']):,}, behind the end of {row['chrom']} "
            f"({lengths[row['chrom']]:,} bp); it was made for another genome build"
        )
    return in_chromosome_order(kept)


def at_listed_tss(
    genes: pl.DataFrame, path: str | Path, aliases: Mapping[str, str] = MappingProxyType({})
) -> pl.DataFrame:
    """The genes at the TSSs of a list, where it has them: a BED6 whose column 4 is the gene id.

    The 5' end of a line is its TSS. Where no id agrees, versions (".12") are left aside. Raises InputError for a gene
    that is listed twice or elsewhere than in the annotation, and for a list without any of the genes, or with the most
    of them, and more than a few, far outside of their genes; a few there are said.
    """
    listed = _usable_lines(path, bed_rows(path)).with_columns(pl.col("chrom").replace(dict(aliases)))
    exact = listed["gene_id"].is_in(genes["gene_id"].implode()).any()
    listed, keyed = (
        frame.with_columns(key=frame["gene_id"] if exact else bare_ids(frame["gene_id"]).str.replace(r"\.\d+$", ""))
        for frame in (listed, genes)
    )
    spelling = chromosome_names.reconcile(listed["chrom"].unique(maintain_order=True), genes["chrom"].unique(), path)
    listed = listed.with_columns(pl.col("chrom").replace_strict(spelling, default=None))
    twice = listed.filter(pl.col("key").is_duplicated())
    if len(twice):
        raise InputError(f"{path} line {twice['line'][-1]}: gene {twice['gene_id'][-1]} is listed twice; keep one TSS")
    both = keyed.join(listed, on="key", how="left", maintain_order="left", suffix="_own")
    elsewhere = both.filter(
        pl.col("line").is_not_null()
        & ~(pl.col("chrom").eq_missing(pl.col("chrom_own")) & (pl.col("strand") == pl.col("strand_own")))
    )
    if len(elsewhere):
        row = elsewhere.row(0, named=True)
        raise InputError(
            f"{path} line {row['line']}: gene {row['gene_id']} is on another chromosome or strand than in the "
            f"annotation ({row['chrom']} {row['strand']}); give a list of the same genome"
        )
    found = len(both) - both["line"].null_count()
    if not found:
        raise InputError(
            f"{path} has none of the genes (its first is {listed['gene_id'][0]}); column 4 must be the gene id"
        )
    apart = both.filter(~pl.col("tss_own").is_between(pl.col("start") - _OUTSIDE, pl.col("end") + _OUTSIDE))
    if len(apart):
        row = apart.row(0, named=True)
        what = (
            f"{path} line {row['line']}: the TSS of {row['gene_id']} is {row['tss_own']:,}, over {_OUTSIDE // 1000} kb "
            f"outside of the gene ({row['start']:,} to {row['end']:,}), as are {len(apart):,} of {found:,}"
        )
        if len(apart) > max(found / 2, _TELLING):
            raise InputError(f"{what}; give a list of the same genome build")
        log.say(f"warning: {what}")
    log.say(f"{path}: {found:,} of {len(genes):,} genes at their listed TSS, the others as --tss says")
    return in_chromosome_order(both.with_columns(tss=pl.coalesce("tss_own", "tss")).select(genes.columns))


def gene_digest(genes: pl.DataFrame) -> str:
    """Identity of a gene set: ids, chromosomes and TSSs, in order."""
    return digest(genes, DIGESTED["genes"])


def _at_one_place(path: str | Path, genes: pl.DataFrame) -> pl.DataFrame:
    """Genes made of exons, without those whose exons lie on several chromosomes or strands."""
    scattered = genes["gene_id"].is_duplicated()
    if scattered.any():
        names = genes.filter(scattered)["gene_id"].unique(maintain_order=True)
        log.say(f"{path}: {len(names):,} genes on several chromosomes or strands left out ({', '.join(names[:3])})")
    return genes.filter(~scattered)


def _of_biotype(path: str | Path, genes: pl.DataFrame, biotypes: Collection[str]) -> pl.DataFrame:
    """Genes of these types; a BED without types is taken as it is."""
    if "all" in biotypes or genes["gene_type"].is_null().all():
        return genes.with_columns(pl.col("gene_type").fill_null(""))
    kept = genes.filter(pl.col("gene_type").is_in(list(biotypes)))
    if kept.is_empty():
        known = genes["gene_type"].unique().sort()
        raise InputError(f"{path} has no gene of type {', '.join(biotypes)}; it has {', '.join(known)}")
    return kept


def _at_transcripts(path: str | Path, genes: pl.DataFrame, transcripts: pl.DataFrame, rule: TssRule) -> pl.DataFrame:
    """The genes at their main or canonical TSS, those without a transcript line at their 5' end."""
    if transcripts.is_empty():
        raise InputError(f"{path} has no transcript lines, which TSS rule '{rule}' needs; use rule 'gene'")
    chosen = _main_tss(transcripts)
    if rule == "canonical":
        chosen = _canonical_tss(path, transcripts, chosen)
    genes = genes.join(chosen, on="gene_id", how="left", maintain_order="left", suffix="_chosen")
    lacking = genes["tss_chosen"].null_count()
    if lacking:
        log.say(f"{path}: {lacking} genes without a transcript line take their 5' end as TSS")
    return genes.with_columns(tss=pl.coalesce("tss_chosen", "tss"))


def _as_released(path: str | Path, genes: pl.DataFrame) -> pl.DataFrame:
    """Genes and TSSs as ScPGE's released code has them: see `read_genes`, "scpge-compat"."""
    named = genes.unique("gene_name", keep="last", maintain_order=True)
    if len(named) < len(genes):
        log.say(f"{path}: {len(genes) - len(named)} genes are lost to a later one of the same name (scpge-compat)")
    return named.with_columns(tss=pl.col("tss") + 1)


def _usable_lines(path: str | Path, rows: pl.DataFrame) -> pl.DataFrame:
    """Lines of genes or transcripts that have a strand; others are counted. InputError for one that is broken."""
    bad = rows.filter(
        pl.any_horizontal(pl.col("start", "end", "gene_id").is_null())
        | (pl.col("start") < 0)
        | (pl.col("end") <= pl.col("start"))
        | ~pl.col("strand").is_in(["+", "-", ".", "?"]).fill_null(False)
    )
    if len(bad):
        raise InputError(
            f"{path} line {bad['line'][0]}: a gene or transcript needs a start before its end, "
            "strand + or - and a gene id"
        )
    lost = rows.filter(pl.col("strand").is_in([".", "?"]), pl.col("feature") == "gene")
    stranded = rows.filter(pl.col("strand").is_in(["+", "-"]))
    if len(lost):
        log.say(f"{path}: {len(lost):,} genes without a strand left out (line {lost['line'][0]}: {lost['gene_id'][0]})")
    if stranded.is_empty() and len(lost):
        raise InputError(f"{path}: no gene has a strand, + or -, without which it has no TSS; give the GTF, or a BED6")
    return stranded


def _main_tss(transcripts: pl.DataFrame) -> pl.DataFrame:
    """`gene_id`, `tss`: of every gene the TSS that most of its (basic) transcripts start near."""
    basic = _tagged("basic")
    votes = transcripts.filter(basic | ~basic.any().over("gene_id")).sort("gene_id", "tss")
    key = votes["gene_id"].rle_id().to_numpy().astype(np.int64) * 2**40 + votes["tss"].to_numpy()
    first = np.searchsorted(key, key - MAIN_TSS_REACH, "left")
    near = np.searchsorted(key, key + MAIN_TSS_REACH, "right") - first
    downstream = pl.when(pl.col("strand") == "+").then(pl.col("tss")).otherwise(-pl.col("tss"))
    ranked = votes.with_columns(near=pl.Series(near)).sort("gene_id", -pl.col("near"), downstream)
    return ranked.unique("gene_id", keep="first", maintain_order=True).select("gene_id", "tss")


def _canonical_tss(path: str | Path, transcripts: pl.DataFrame, main: pl.DataFrame) -> pl.DataFrame:
    rank = pl.when(_tagged("MANE_Select")).then(0).when(_tagged("Ensembl_canonical")).then(1)
    tagged = transcripts.with_columns(rank=rank).drop_nulls("rank").sort("gene_id", "rank", "tss")
    if tagged.is_empty():
        raise InputError(f"{path} has no MANE_Select or Ensembl_canonical tag; use TSS rule 'main' or 'gene'")
    canonical = tagged.unique("gene_id", keep="first", maintain_order=True).select("gene_id", "tss")
    others = main.join(canonical, on="gene_id", how="anti")
    if len(others):
        log.say(f"{path}: {len(others)} genes without a canonical transcript take their main TSS")
    return pl.concat([canonical, others])


def _tagged(tag: str) -> pl.Expr:
    return pl.col("attributes").str.contains(f'tag "{tag}"', literal=True)
