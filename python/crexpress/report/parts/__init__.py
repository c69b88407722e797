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
        "expression": f"{_HERE}.measured:EXPRESSION",
        "classes": f"{_HERE}.measured:CLASSES",
        "change": f"{_HERE}.measured:CHANGE",
        "trust": f"{_HERE}.measured:TRUST",
        "loci": f"{_HERE}.measured:LOCI",
        "input": f"{_HERE}.input_quality:PART",
        "data": f"{_HERE}.measured:DATA",
        "card": f"{_HERE}.measured:CARD",
        "methods": f"{_HERE}.methods_text:PART",
        "training": f"{_HERE}.measured:TRAINING",
        "provenance": f"{_HERE}.measured:PROVENANCE",
    },
)
_LAST = ("methods", "training", "provenance")  # what stands behind everything else


def ordered() -> list[Part]:
    """All parts as they follow each other on the page."""
    names = [name for name in PARTS if name not in _LAST]
    return [PARTS[name] for name in (*names, *_LAST)]
