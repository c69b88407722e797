"""One cell's tracks over the elements, and the genes' own profiles beside: what extract-signals writes."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from crexpress.core import artifacts, log
from crexpress.formats import alignments
from crexpress.prepare import profiles, signals


def write(
    output: Path,
    cell: str,
    elements: Path,
    genes: Path | None,
    tracks: Mapping[str, Sequence[Path]],
    edges: Sequence[int],
    bin_size: int,
    transform: str,
    replicates: signals.Combination,
    reads: alignments.Count,
) -> None:
    """Write signals.CELL.safetensors to `output`, and with `genes` profiles.CELL.safetensors beside it.

    `tracks` {name: files, replicates of each other}; `edges` of a profile's bins, bp along the gene from its TSS.
    Raises InputError as `signals.extract` does.
    """
    table, header = artifacts.read_table(elements, "elements")
    bins = signals.count_bins(header["parameters"]["width"], bin_size)
    stored = artifacts.make_header(
        "signals",
        "extract-signals",
        elements=header["elements"],
        cell=cell,
        parameters={
            "tracks": list(tracks),
            "bin_size": bin_size,
            "transform": transform,
            "replicates": {name: len(files) for name, files in tracks.items()},
            "combination": replicates,
            **(
                {"reads": reads}
                if any(alignments.is_reads(file) for files in tracks.values() for file in files)
                else {}
            ),
        },
        sources=[elements, *(file for files in tracks.values() for file in files)],
    )
    lengths = dict(header["parameters"]["chromosomes"])
    specs = {name: ("float16", (table.height, bins)) for name in tracks}
    with ExitStack() as files:
        out = files.enter_context(artifacts.create_arrays(output, specs, stored))
        also = None
        if genes:
            gene_table, gene_header = artifacts.read_table(genes, "genes")
            artifacts.require_same("elements", genes, gene_header, elements, header)
            reader = profiles.Profiles(gene_table, table, lengths, edges, transform, replicates)
            about = profiles.header(stored, gene_header, edges, genes)
            beside = output.with_name(f"profiles.{cell}.safetensors")
            filled = files.enter_context(artifacts.create_arrays(beside, reader.specs(list(tracks)), about))
            also = partial(reader.read, out=filled)
        signals.extract(table, lengths, tracks, bin_size, transform, out, reads, replicates, also)
    log.say(f"{len(tracks)} tracks over {table.height:,} elements -> {output}")
    if genes:
        log.say(f"profiles of {len(gene_table):,} genes, {reader.bodiless:,} of them without a body -> {beside}")
