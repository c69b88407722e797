"""Motifs of MEME files: HOCOMOCO v11 to v13, JASPAR, and what the MEME suite itself writes (versions 3 to 5)."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crexpress.core.errors import InputError
from crexpress.core.names import is_whole
from crexpress.core.schemas import read_json
from crexpress.formats import text_files

_SITES = 20.0  # of a motif that does not say how many sites it was made from (as the MEME suite does)
_SUM_ERROR = 0.02  # by which a row of rounded probabilities may miss 1


class Motif(NamedTuple):
    """A position probability matrix [width, 4 (A, C, G, T)] and the number of sites it was made from."""

    name: str
    factor: str
    probabilities: np.ndarray
    sites: float


class MotifSet(NamedTuple):
    """The motifs of one file, in its order, and its background frequencies of A, C, G, T."""

    motifs: list[Motif]
    background: np.ndarray

    @property
    def names(self) -> list[str]:
        """Names in file order."""
        return [motif.name for motif in self.motifs]

    @property
    def factors(self) -> list[str]:
        """The transcription factor of each motif, spelt as the file has it."""
        return [motif.factor for motif in self.motifs]


def read_meme(path: str | Path) -> MotifSet:
    """Motifs of a MEME file, minimal or whole output; log-odds matrices and sites in it are passed over.

    Raises InputError, naming file and line, for a matrix that is empty, not numeric, not of four columns that
    sum to 1 or not of the width it states, for a name given twice, and for an alphabet that is not DNA.
    """
    with text_files.open_text(path) as file:
        lines = [line.strip() for line in file]
    motifs: dict[str, Motif] = {}
    background = np.full(4, 0.25)
    name = factor = ""
    for at, line in enumerate(lines):
        words = line.split()
        if line.startswith("ALPHABET") and "DNA" not in line and line.replace(" ", "") != "ALPHABET=ACGT":
            raise InputError(f"{path} line {at + 1}: the alphabet must be ACGT, found '{line}'")
        elif line.startswith("Background letter frequencies"):
            background = _background(path, lines, at)
        elif words[:1] == ["MOTIF"]:
            if len(words) < 2 or words[1] in motifs:
                raise InputError(f"{path} line {at + 1}: '{line}' has no name, or one that was used")
            # MEME's own output goes on with "width = 8 sites = 20 ..."
            alternative = words[2] if len(words) > 2 and not words[2].startswith("width") else ""
            name, factor = words[1], factor_of(words[1], alternative)
        elif line.startswith("letter-probability matrix:"):
            if not name or name in motifs:
                raise InputError(f"{path} line {at + 1}: a matrix must follow its own MOTIF line")
            fields = dict(re.findall(r"(\w+)\s*=\s*(\S+)", line))
            sites = _sites(path, at, name, fields.get("nsites"))
            motifs[name] = Motif(name, factor, _matrix(path, lines, at, name, fields), sites)
    if not motifs:
        raise InputError(f"{path} holds no motif; give a MEME file (MOTIF lines with letter-probability matrices)")
    return MotifSet(list(motifs.values()), background)


def factor_of(name: str, alternative: str = "") -> str:
    """The factor that a motif's two names give, letter case as it is.

    HOCOMOCO (AHR_HUMAN.H11MO.0.B, AHR.H12CORE.0.P.B): what stands before species and collection; that is UniProt's
    name, which is not always the gene's (P53, ANDR: see `name_factors`). JASPAR (MA0099.3 FOS::JUN): the
    alternative name, without its "(var.2)". Neither: the name up to its first "." or "_".
    """
    for text in (alternative, name):
        if found := re.match(r"([^.]+?)(?:_[A-Z0-9]+)?\.H\d+[A-Z]+", text):
            return found[1]
    alternative = re.sub(r"\(var\.\d+\)$", "", alternative.removeprefix(f"{name}."))
    return alternative if alternative not in ("", name) else re.split("[._]", name)[0]


def name_factors(motif_set: MotifSet, path: str | Path) -> tuple[MotifSet, int]:
    """The motifs with the genes that a table names their factors by, and how many of them are in the table.

    The table is HOCOMOCO's annotation (v11: .tsv; v12 and later: .jsonl) or any tab-separated one whose first two
    columns are the motif, or the factor as the motif file has it, and the gene's symbol. Raises InputError when the
    table is of another form or names none of the motifs.
    """
    symbols = _read_symbols(path)
    found = [symbols.get(motif.name) or symbols.get(motif.factor) for motif in motif_set.motifs]
    if not any(found):
        raise InputError(f"{path} names none of the motifs ({motif_set.names[0]}, ...); give their annotation table")
    motifs = [
        motif._replace(factor=symbol or motif.factor) for motif, symbol in zip(motif_set.motifs, found, strict=True)
    ]
    return motif_set._replace(motifs=motifs), sum(symbol is not None for symbol in found)


def _read_symbols(path: str | Path) -> dict[str, str]:
    symbols: dict[str, str] = {}
    with text_files.open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                if line.startswith("{"):
                    record = read_json(line)
                    species = record["masterlist_info"]["species"]
                    key, symbol = record["name"], species.get("HUMAN", next(iter(species.values())))["gene_symbol"]
                else:
                    key, symbol = line.rstrip("\n").split("\t")[:2]
                symbol = symbol.strip()
            except (ValueError, KeyError, AttributeError, StopIteration):
                raise InputError(
                    f"{path} line {number}: expected a motif and its gene, tab-separated, or a record of HOCOMOCO's "
                    f"annotation, found '{line.strip()[:80]}'"
                ) from None
            if symbols.setdefault(key, symbol) != symbol:
                raise InputError(f"{path} line {number}: {key} is {symbol}, and {symbols[key]} above; keep one of them")
    return symbols


def _matrix(path: str | Path, lines: Sequence[str], at: int, name: str, fields: Mapping[str, str]) -> np.ndarray:
    """The rows below the header in line `at`: as many as it states (w=), else up to a blank line."""
    stated = fields.get("w")
    if stated is not None and (not is_whole(stated) or int(stated) < 1):
        raise InputError(f"{path} line {at + 1}: motif {name} has no positive width (w=); mend or remove it")
    width, of_all = (int(stated), f" of {stated}") if stated else (math.inf, "")
    rows: list[list[float]] = []
    for number, line in enumerate(lines[at + 1 :], at + 2):
        if len(rows) == width:
            if line and len(_numbers(line)) == 4:
                raise InputError(f"{path} line {number}: motif {name} has more rows than its header states (w=)")
            break
        if not stated and rows and (not line or line.startswith(("URL", "MOTIF"))):
            break
        if line:
            rows.append(
                _row(path, number, f"row {len(rows) + 1}{f' of {stated}' if stated else ''} of motif {name}", line)
            )
    if not rows or (stated and len(rows) < width):
        raise InputError(f"{path} ends after row {len(rows)}{of_all} of motif {name}; it is cut off")
    return np.array(rows)


def _row(path: str | Path, number: int, which: str, line: str) -> list[float]:
    row = _numbers(line)
    if len(row) != 4 or not all(0 <= value <= 1 + _SUM_ERROR for value in row):
        raise InputError(f"{path} line {number}: {which} must be four probabilities (A C G T), found '{line}'")
    if abs(sum(row) - 1) > _SUM_ERROR:
        raise InputError(f"{path} line {number}: {which} sums to {sum(row):g}, not to 1; mend or remove the motif")
    return row


def _numbers(line: str) -> list[float]:
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        return []


def _sites(path: str | Path, at: int, name: str, stated: str | None) -> float:
    sites = _numbers(stated or "0")
    if not sites or not 0 <= sites[0] < math.inf:
        raise InputError(f"{path} line {at + 1}: the number of sites of motif {name} (nsites=) is '{stated}'")
    return sites[0] or _SITES


def _background(path: str | Path, lines: Sequence[str], at: int) -> np.ndarray:
    """Frequencies of A, C, G, T in the first line with text below line `at`."""
    number, line = next(((number, line) for number, line in enumerate(lines[at + 1 :], at + 2) if line), (at + 1, ""))
    words = line.split()
    try:
        frequency = {letter: float(value) for letter, value in zip(words[::2], words[1::2], strict=True)}
        background = np.array([frequency[letter] for letter in "ACGT"])
    except (ValueError, KeyError):
        background = np.zeros(4)
    if not background.min() > 0 or abs(background.sum() - 1) > _SUM_ERROR:
        raise InputError(f"{path} line {number}: the background must be four frequencies, found '{line}'")
    return background / background.sum()
