"""BAM files that tests write."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pysam


def write_bam(path: Path, reads: Mapping[str, Sequence[tuple[int, ...]]], lengths: Mapping[str, int]) -> Path:
    """A BAM of {chrom: [(start, read length, flag, mate start, template length), ...]}."""
    header = pysam.AlignmentHeader.from_references([*lengths], [*lengths.values()])
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for chrom, own in reads.items():
            for number, (start, size, flag, mate, template) in enumerate(own):
                read = pysam.AlignedSegment(header)
                read.query_name, read.flag, read.query_sequence = f"r{number}", flag, "A" * size
                read.reference_id, read.reference_start = [*lengths].index(chrom), start
                read.mapping_quality, read.cigartuples = 60, [(0, size)]
                if flag & 0x1:
                    read.next_reference_id, read.next_reference_start, read.template_length = 0, mate, template
                file.write(read)
    return path
