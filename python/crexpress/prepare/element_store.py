"""From cCREs and an annotation to the element store that everything is aligned to: what merge-ccres writes."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from crexpress.core import artifacts, chromosome_names, log
from crexpress.core.errors import InputError
from crexpress.formats import chromosome_table, genome_files
from crexpress.prepare import elements, genes

_WIDE = 3  # times an element's width, from which on a cCRE is no cCRE
_MANY = 20  # genes that cannot all lie on one strand
_WHOLE = 1000  # genes from which on it is asked whether cCREs lie at them
_NEAR, _AWAY = 1_000, 500_000  # bp: at a TSS, and far enough from it to lie there by chance


def write(
    *,
    outdir: Path,
    ccres: Sequence[Path],
    exclude_classes: list[str],
    gtf: Path,
    sizes_file: Path | None,
    chromosome_names_file: Path | None,
    blacklist: Path | None,
    method: elements.Method,
    width: int,
    tss: genes.TssRule,
    tss_list: Path | None,
    biotypes: list[str],
    exclude_chromosomes: list[str],
    scaffolds: bool,
) -> None:
    """Write elements.parquet, genes.parquet and elements.bed.gz to `outdir`; the settings are the tool's options.

    `sizes_file` tells the genome's chromosomes (chrom.sizes, .fai, bigWig or FASTA); without it they are those of the
    annotation, of unknown length. Raises InputError where the files do not go together.
    """
    sizes = genome_files.chromosome_sizes(sizes_file) if sizes_file else {}
    aliases = chromosome_table.read(chromosome_names_file, sizes) if chromosome_names_file else {}
    found = genes.read_genes(gtf, tss, biotypes, exclude_chromosomes, scaffolds, sizes, aliases)
    if tss_list:
        found = genes.at_listed_tss(found, tss_list, aliases)
    lengths: dict[str, int | None] = dict.fromkeys(found["chrom"])
    if sizes:
        lengths = {name: sizes[name] for name in chromosome_names.usable(sizes, exclude_chromosomes, scaffolds)}
        if not lengths:
            raise InputError(chromosome_names.strange_names(sizes, sizes_file or gtf))
        found = genes.on_chromosomes(found, lengths, gtf)
    listed = elements.read_ccres(ccres, lengths, exclude_classes, aliases)
    if blacklist:
        listed = elements.drop_blacklisted(listed, blacklist, aliases)
    merged = elements.merge(listed, method, width)
    store, found = elements.with_tss_windows(merged, found, width)
    used = chromosome_names.natural_order(store["chrom"].unique())

    digests = {"elements": elements.element_digest(store), "genes": genes.gene_digest(found)}
    sources = [path for path in (*ccres, gtf, tss_list, blacklist, chromosome_names_file) if path]
    parameters = {
        "width": width,
        "method": method,
        "excluded_classes": exclude_classes,
        "chromosomes": [[name, lengths[name]] for name in used],
        "tss": tss,
        "biotypes": biotypes,
    }
    for kind, table in (("elements", store), ("genes", found)):
        header = artifacts.make_header(
            kind, "merge-ccres", **digests, parameters=parameters, units={"position": "bp"}, sources=sources
        )
        artifacts.write_table(outdir / f"{kind}.parquet", table, header)
    elements.write_bed(outdir / "elements.bed.gz", store, lengths)
    log.say(f"{len(listed):,} cCREs -> {len(merged):,} elements; {len(found):,} genes on {len(used)} chromosomes")
    _doubt(listed, found, width, f"{ccres[0]} and {gtf}")


def _doubt(ccres: pl.DataFrame, found: pl.DataFrame, width: int, files: str) -> None:
    """Say where sound files cannot be what is meant: domains for cCREs, lost strands, two genome builds."""
    middle = ccres.select((pl.col("end") - pl.col("start")).median()).item()
    if middle > _WIDE * width:
        log.say(f"warning: half of the cCREs are over {middle:,.0f} bp wide, and an element is the {width} bp around "
                "the middle of one; are these peaks, and not domains or genes?")  # fmt: skip
    if len(found) >= _MANY and found["strand"].n_unique() == 1:
        log.say(f"warning: all genes are on strand {found['strand'][0]}; were strands lost on the way?")
    if len(found) >= _WHOLE:
        at, by_chance = (_share_near(ccres, found, shift) for shift in (0, _AWAY))
        if at < 1.5 * by_chance:
            log.say(f"warning: a cCRE lies within 1 kb of {at:.0%} of the TSSs, and of {by_chance:.0%} of places "
                    f"{_AWAY // 1000} kb further on: as by chance; are {files} of one genome build, and promoters "
                    "among the cCREs?")  # fmt: skip


def _share_near(ccres: pl.DataFrame, found: pl.DataFrame, shift: int) -> float:
    """Share of the genes with the middle of a cCRE within `_NEAR` bp of their TSS, moved by `shift` bp."""
    middles = ccres.select("chrom", middle=(pl.col("start") + pl.col("end")) // 2).sort("middle")
    places = found.select("chrom", middle=pl.col("tss") + shift).sort("middle")
    near = places.join_asof(
        middles.with_columns(at="middle"), on="middle", by="chrom", strategy="nearest", check_sortedness=False
    )
    return float(((near["at"] - near["middle"]).abs() <= _NEAR).fill_null(False).mean() or 0)  # type: ignore[arg-type]
