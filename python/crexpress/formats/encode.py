"""Files of ENCODE's portal by their accession: where they are downloaded from."""

import re

ACCESSION = re.compile(r"ENCFF[0-9]{3}[A-Z]{3}")
_NAMED = re.compile(rf"({ACCESSION.pattern})((?:\.[A-Za-z]+)+)")
_USUAL = {"rna": "tsv", "ccres": "bed.gz", "loops": "bedpe.gz", "cage": None}  # of an accession alone; a track's bigWig
_PORTAL = {  # as the portal names files of these formats
    **{".bw": "bigWig", ".bigwig": "bigWig", ".bam": "bam", ".hic": "hic", ".tsv": "tsv"},
    **{".bed": "bed.gz", ".bed.gz": "bed.gz", ".bedpe": "bedpe.gz", ".bedpe.gz": "bedpe.gz"},
}


def address(file: str, assay: str) -> str | None:
    """Download address of an accession, by the pattern of the portal; None for anything else.

    ENCFF070LLG alone is of the format that the assay usually has (None where it has several); ENCFF070LLG.bam says it.
    """
    named = _NAMED.fullmatch(file)
    accession = named[1] if named else file
    extension = _PORTAL.get(named[2].lower()) if named else _USUAL.get(assay, "bigWig")
    if not extension or not ACCESSION.fullmatch(accession):
        return None
    return f"https://www.encodeproject.org/files/{accession}/@@download/{accession}.{extension}"
