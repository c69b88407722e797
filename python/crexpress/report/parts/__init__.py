"""The parts of the report, in the order of the page. A part is one file and one line here; another package adds its own
as an entry point of the group `crexpress.report_parts`, and they stand before the folded parts.
"""

from crexpress.core.registry import Registry
from crexpress.report.parts.part import Part

_HERE = "crexpress.report.parts"
PARTS: Registry[Part] = Registry(
    "crexpress.report_parts",
    {
        "expression": f"{_HERE}.measured:EXPRESSION",
        "classes": f"{_HERE}.measured:CLASSES",
        "change": f"{_HERE}.measured:CHANGE",
        "trust": f"{_HERE}.measured:TRUST",
        "loci": f"{_HERE}.measured:LOCI",
        "data": f"{_HERE}.measured:DATA",
        "card": f"{_HERE}.measured:CARD",
        "training": f"{_HERE}.measured:TRAINING",
        "provenance": f"{_HERE}.measured:PROVENANCE",
    },
)
_LAST = ("training", "provenance")  # what stands behind everything else


def ordered() -> list[Part]:
    """All parts as they follow each other on the page."""
    names = [name for name in PARTS if name not in _LAST]
    return [PARTS[name] for name in (*names, *_LAST)]
