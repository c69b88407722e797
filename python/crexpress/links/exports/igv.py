"""A session file for IGV (desktop and web): which files to show, each as a track.

Paths are as the files lie beside the session, so that the folder can be moved or put on a server.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import polars as pl

from crexpress.core import builds, files
from crexpress.links.exports.shown import Shown

TITLES = {"bedpe": "links", "bed": "elements with links", "bigwig": "summed score"}
_COLOUR = "0,114,178"
_AROUND = 50_000  # bp beside the links of the gene that is shown first


class Track(NamedTuple):
    """A file to show: `path` from the session's folder or an address, `kind` as IGV calls it (bedpe, bed, bigwig)."""

    name: str
    path: str
    kind: str


def genome_of(lengths: Mapping[str, int]) -> str:
    """What IGV calls the genome with chromosomes of these lengths; "" where it is none of the common ones."""
    return builds.of_lengths(lengths) or ""


def place(shown: Shown, gene: str = "") -> str:
    """Around the links of a gene that has any, by its symbol or id, or the strongest link; 1-based as IGV writes it."""
    links = shown.chosen.filter(((pl.col("gene_name") == gene) | (pl.col("gene_id") == gene)) & bool(gene))
    if links.is_empty():
        links = shown.chosen.sort(pl.col(shown.score), descending=True, maintain_order=True)[:1]
    links = links.filter(pl.col("gene_id") == links["gene_id"].min())  # of several of one symbol the first
    chrom = links["chrom"][0]
    low = int(links.select(pl.min_horizontal("start", "tss").min()).item())
    high = int(links.select(pl.max_horizontal("end", pl.col("tss") + 1).max()).item())
    return f"{chrom}:{max(low - _AROUND, 0) + 1}-{min(high + _AROUND, shown.lengths.get(chrom, 2**31))}"


def write(path: Path, genome: str, tracks: Sequence[Track], locus: str = "All") -> None:
    """Write the session."""
    session = ElementTree.Element("Session", genome=genome, locus=locus, version="8")
    resources = ElementTree.SubElement(session, "Resources")
    panel = ElementTree.SubElement(session, "Panel", name="DataPanel")
    for track in tracks:
        ElementTree.SubElement(resources, "Resource", name=track.name, path=track.path, type=track.kind)
        shown = {"id": track.path, "name": track.name, "autoscale": "true", "visible": "true"}
        # it would go before those in the file: of each element's class, of each gene
        colour = {"color": _COLOUR} if track.kind == "bigwig" else {}
        ElementTree.SubElement(panel, "Track", shown | colour)
    ElementTree.indent(session)
    text = ElementTree.tostring(session, encoding="unicode", xml_declaration=False)
    with files.replacing(path) as temporary:
        temporary.write_text('<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n' + text + "\n")
