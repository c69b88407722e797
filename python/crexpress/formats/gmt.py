"""Sets of genes in GMT, as MSigDB, Enrichr and g:Profiler give them: name, description, genes, separated by tabs."""

from pathlib import Path

from crexpress.core.errors import InputError
from crexpress.formats.text_files import open_text


def read(path: str | Path) -> dict[str, list[str]]:
    """Genes of each set, in the file's order. InputError for a line without genes, and for a set given twice."""
    sets: dict[str, list[str]] = {}
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            name, *rest = line.rstrip("\r\n").split("\t")
            genes = [gene.strip().split(",")[0] for gene in rest[1:] if gene.strip()]
            if not name.strip() or not genes:
                raise InputError(
                    f"{path} line {number}: a set of a GMT file is a name, a description and genes, by tabs"
                )
            if name in sets:
                raise InputError(f"{path} line {number}: the set {name[:80]} is given twice; rename one")
            sets[name] = list(dict.fromkeys(genes))
    if not sets:
        raise InputError(f"{path} is empty")
    return sets
