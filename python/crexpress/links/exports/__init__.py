"""Links for genome browsers, spreadsheets and other programs: a file a format, and a line in FORMATS."""

from collections.abc import Callable, Collection
from pathlib import Path

from crexpress.core.errors import InputError
from crexpress.links.exports import bed, bedpe, bigwig, igv, interact, longrange, tables
from crexpress.links.exports.shown import Shown

# name of a format -> how its file is called, before and after the cell, and what writes it
FORMATS: dict[str, tuple[str, str, Callable[[Path, Shown], None]]] = {
    "tsv": ("links", "tsv.gz", tables.write_tsv),
    "parquet": ("links", "plain.parquet", tables.write_parquet),
    "elements": ("elements", "tsv.gz", tables.write_elements),
    "bed": ("elements", "bed.gz", bed.write),
    "bedpe": ("links", "bedpe.gz", bedpe.write),
    "interact": ("links", "interact.gz", interact.write),
    "longrange": ("links", "longrange.gz", longrange.write),
    "bigwig": ("links", "bw", bigwig.write),
}
IN_SESSION = {"bedpe": "bedpe", "bed": "bed", "bigwig": "bigwig"}  # format: its type in an IGV session


def export(outdir: Path, shown: Shown, formats: Collection[str] = (), genome: str = "", gene: str = "") -> list[Path]:
    """Write links in some formats (none: all), and an IGV session of those that IGV shows; the files' paths.

    The session names its files as they lie beside it. It needs the genome: `genome`, or one told by the chromosomes'
    lengths; without, it is left out where it was not asked for by name. It opens at the links of `gene`, a symbol or
    id, or at the strongest. InputError for a format that there is not.
    """
    known = [*FORMATS, "igv"]
    for name in formats:
        if name not in known:
            raise InputError(f"there is no format '{name}' of links; choose from {', '.join(known)}")
    genome = genome or igv.genome_of(shown.lengths)
    if "igv" in formats and not genome:
        raise InputError("an IGV session needs the name of the genome, which these chromosomes do not tell; give it")
    written: dict[str, Path] = {}
    for name, (what, ending, write) in FORMATS.items():
        if not formats or name in formats or ("igv" in formats and name in IN_SESSION):
            written[name] = outdir / f"{what}.{shown.cell}.{ending}"
            write(written[name], shown)
    if genome and ("igv" in formats or not formats):
        tracks = [
            igv.Track(f"{shown.cell} {igv.TITLES[name]}", written[name].name, kind) for name, kind in IN_SESSION.items()
        ]
        written["igv"] = outdir / f"links.{shown.cell}.igv.xml"
        igv.write(written["igv"], genome, tracks, igv.place(shown, gene))
    return list(written.values())
