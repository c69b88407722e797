"""The parts of the report, in the order of the page. A part is one file and one line here; another package adds its own
as an entry point of the group `crexpress.report_parts`, and they stand before the folded parts.
"""

from crexpress.core.registry import Registry
from crexpress.report.parts.part import Part

_HERE = "crexpress.report.parts"
PARTS: Registry[Part] = Registry(
    "crexpress.report_parts",
    {
        "find a gene": f"{_HERE}.find_gene:PART",
        "links of the cell": f"{_HERE}.cell_links:PART",
        "predicted against observed expression": f"{_HERE}.measured:EXPRESSION",
        "expression classes": f"{_HERE}.measured:CLASSES",
        "what differs between the cells": f"{_HERE}.measured:CHANGE",
        "links against screens": f"{_HERE}.measured:TRUST",
        "benchmarks": f"{_HERE}.benchmarks:PART",
        "interpretation": f"{_HERE}.explained:PART",
        "loci of chosen genes": f"{_HERE}.measured:LOCI",
        "input quality": f"{_HERE}.input_quality:PART",
        "data and model": f"{_HERE}.measured:DATA",
        "card": f"{_HERE}.measured:CARD",
        "methods and references": f"{_HERE}.methods_text:PART",
        "course of training": f"{_HERE}.measured:TRAINING",
        "where files and settings come from": f"{_HERE}.measured:PROVENANCE",
    },
)
# what stands behind everything else
_LAST = ("methods and references", "course of training", "where files and settings come from")


def ordered() -> list[Part]:
    """All parts as they follow each other on the page."""
    names = [name for name in PARTS if name not in _LAST]
    return [PARTS[name] for name in (*names, *_LAST)]
