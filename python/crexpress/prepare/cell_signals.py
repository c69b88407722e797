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
    agreed: dict[str, float | None] = {}  # filled as the tracks are read
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
            **({"agreement": agreed} if any(len(files) > 1 for files in tracks.values()) else {}),
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
        room = sum(len(name) + 16 for name in tracks)  # for the agreement of each
        out = files.enter_context(artifacts.create_arrays(output, specs, stored, room))
        read_profiles = None
        if genes:
            gene_table, gene_header = artifacts.read_table(genes, "genes")
            artifacts.require_same("elements", genes, gene_header, elements, header)
            reader = profiles.Profiles(gene_table, table, lengths, edges, transform, replicates)
            about = profiles.header(stored, gene_header, edges, genes)
            beside = output.with_name(f"profiles.{cell}.safetensors")
            filled = files.enter_context(artifacts.create_arrays(beside, reader.specs(list(tracks)), about))
            read_profiles = partial(reader.read, out=filled)

        def also(name: str, sources: Sequence[signals.Replicate]) -> None:
            if len(sources) > 1:
                agreed[name] = signals.agreement(table, lengths, sources)
            if read_profiles:
                read_profiles(name, sources)

        signals.extract(table, lengths, tracks, bin_size, transform, out, reads, replicates, also)
    log.say(f"{len(tracks)} tracks over {table.height:,} elements -> {output}")
    if genes:
        log.say(f"profiles of {len(gene_table):,} genes, {reader.bodiless:,} of them without a body -> {beside}")
