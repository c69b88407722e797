"""Any table with chrom, start, end, a gene and a score: what to do with several elements is for the user to say."""

from crexpress.links.importers.base import Format

FORMAT = Format(
    "table", "published score", note="the best of the elements that a pair overlaps, where nothing else is said"
)
