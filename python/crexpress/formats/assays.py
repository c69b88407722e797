"""Assays by the names that people and ENCODE give them: "DNase-seq", "H3K27ac ChIP-seq", "polyA plus RNA-seq"."""

import re

_WHOLE = {
    "rna": r"(total |polya |polya plus |poly\(a\) |m|bulk )?rna[ -]?seq",
    "cage": r"cage[ -]?seq",
    "dnase": r"dnase[ -]?(i[ -]?)?(seq|hypersensitivity)",
    "atac": r"((sc|sn|single-cell |bulk )?atac)[ -]?seq",
    "ccres": r"ccre",
    "loops": r"loop",
}
_CHIP = r"(?:(?:histone|tf) )?chip[ -]?seq"
_TARGET = r"([a-z0-9]+(?:-[a-z0-9]+)*?)"


def name_of(text: str) -> str:
    """Our name of an assay; what is not known stays as it is, in lower case.

    A track of ChIP-seq is called by its target: "H3K27ac ChIP-seq", "ChIP-seq H3K27ac", "TF ChIP-seq (CTCF)".
    """
    plain = re.sub(r"[\s_]+", " ", text.strip().lower())
    for name, pattern in _WHOLE.items():
        if re.fullmatch(pattern, plain):
            return name
    for pattern in (rf"{_TARGET}[ -]{_CHIP}", rf"{_CHIP}[ -:]*\(?{_TARGET}\)?", rf"{_TARGET} \({_CHIP}\)"):
        if match := re.fullmatch(pattern, plain):
            return match[1].removesuffix("-human").removesuffix("-mouse")
    return text.strip().lower()
