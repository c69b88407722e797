"""Benchmarks of both papers, one kind a file: what is scored, on what, and beside what.

A kind is a function (Entry, World) -> Found by name in BENCHMARKS; another package adds its own by an entry point.
"""

from collections.abc import Callable

from crexpress.core.registry import Registry
from crexpress.evaluate.benchmarks.base import Entry, Found, World

Kind = Callable[[Entry, World], Found]
_OWN = {
    "crispr": "crispr:score",  # perturbation screens
    "contacts": "contacts:score",  # ChIA-PET, HiChIP
    "domains": "domains:score",  # TADs
    "locus": "locus:score",  # a gene's known elements, such as MYC's
    "specific-genes": "specific_genes:score",  # genes that one cell expresses
    "classes": "classes:score",  # expressed or not
}
BENCHMARKS: Registry[Kind] = Registry(
    "crexpress.benchmarks", {name: f"crexpress.evaluate.benchmarks.{place}" for name, place in _OWN.items()}
)
