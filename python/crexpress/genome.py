"""Chromosomes and the text files that name them: sizes, order, spelling ("1" or "chr1"), gzip."""

import gzip
import itertools
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TextIO

import polars as pl

from crexpress import cli
from crexpress.errors import InputError
from crexpress.native import refusing

if TYPE_CHECKING:
    import pysam

_GZIP_MAGIC = b"\x1f\x8b"
# An empty block ends every complete BGZF file (SAM specification, section 4.1.2).
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_CANONICAL = re.compile(r"(?i:chr)?(\d{1,3}[ABLR]?|[IVX]+|[WXYZ]|M|MT|Mito)")
CHROM_STEP = 2**40  # bp between chromosomes laid end to end: more than any chromosome is long
MISSING = ["", "NA", "N/A", ".", "-"]  # how tables say "not measured"
LEFT_OUT = ("chrY", "chrM")  # chromosomes left out unless the user says otherwise
_SEX_AND_MITO = {"X": 1, "Y": 2, "Z": 3, "W": 4, "M": 5}


@contextmanager
def open_text(path: str | Path) -> Iterator[TextIO]:
    """Open plain, gzipped or bgzipped text, without its byte-order mark; InputError when cut off, damaged or binary."""
    compression = _compression(Path(path))
    if compression == "bgzip":
        with Path(path).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - len(_BGZF_END)))
            if file.read() != _BGZF_END:  # cut between two blocks, which gzip alone would not notice
                raise InputError(f"{path} is cut off (no closing bgzip block); copy or download it again")
    try:
        with (gzip.open if compression else open)(path, "rt", encoding="utf-8-sig") as text:
            yield text
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path} is cut off or damaged; copy or download it again") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} {_why_no_text(Path(path))}") from None


def _why_no_text(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is UTF-16 text; save it as UTF-8"
    if head.startswith(b"PK\x03\x04"):
        return "is a workbook of a spreadsheet or a zip file; save its table as 'CSV UTF-8'"
    if b"\0" not in head and sum(byte > 127 for byte in head) < len(head) / 4:
        return "is not UTF-8 text (its letters are of another code, such as Latin-1); save it as UTF-8"
    return "is not a text file; give plain or gzipped text"


def read_lines(path: str | Path, keep: Callable[[str], bool] | None = None, empty: bool = False) -> pl.DataFrame:
    """Lines of a text file as columns `line` (number, from 1) and `text`, without blank and # lines.

    `keep` drops lines as they are read, so that a large annotation is never held whole. Browser and
    track lines of BED files are dropped too. Raises InputError when nothing is left, unless that may be (`empty`).
    """
    numbers, texts = [], []
    for number, line in _lines(path):
        if keep is None or keep(line):
            numbers.append(number)
            texts.append(line)
    if not numbers and not empty:
        raise InputError(f"{path} holds no line that can be used; it is empty or of another format")
    return pl.DataFrame({"line": numbers, "text": texts}, schema={"line": pl.Int64, "text": pl.String})


def first_line(path: str | Path) -> str:
    """The first line that is neither blank nor a comment; InputError when there is none."""
    for _, line in _lines(path):
        return line
    raise InputError(f"{path} is empty")


def read_table(path: str | Path, columns: int) -> pl.DataFrame:
    """Tab-separated text as columns `line`, `column_1`, ... (strings, null where a line is shorter).

    Every line must have at least `columns` columns; InputError names the first that has fewer.
    """
    return _split(path, read_lines(path), columns)


def _split(path: str | Path, lines: pl.DataFrame, columns: int) -> pl.DataFrame:
    fields = lines["text"].str.split("\t")
    short = lines.filter(fields.list.len() < columns)
    if len(short):
        raise InputError(
            f"{path} line {short['line'][0]}: {columns} tab-separated columns are needed, "
            f"found '{short['text'][0][:80]}'"
        )
    names = [f"column_{number}" for number in range(1, fields.list.len().to_numpy().max() + 1)]
    return lines.select("line").hstack(fields.list.to_struct(fields=names).struct.unnest())


def read_intervals(path: str | Path, columns: int = 3) -> pl.DataFrame:
    """BED lines as `line`, `chrom`, `start`, `end` (0-based half-open), and strings `column_4`, ...

    Raises InputError, naming file and line, for a coordinate that is not a number, a negative start or
    an end that is not behind its start.
    """
    return _as_intervals(path, read_table(path, columns))


def interval_blocks(path: str | Path, lines: int = 500_000) -> Iterator[pl.DataFrame]:
    """As `read_intervals`, some lines at a time, for files larger than memory."""
    numbered = _lines(path)
    while block := list(itertools.islice(numbered, lines)):
        text = pl.DataFrame(block, schema={"line": pl.Int64, "text": pl.String}, orient="row")
        yield _as_intervals(path, _split(path, text, 3))


def _as_intervals(path: str | Path, table: pl.DataFrame) -> pl.DataFrame:
    table = table.rename({"column_1": "chrom"}).with_columns(
        pl.col("column_2").cast(pl.Int64, strict=False).alias("start"),
        pl.col("column_3").cast(pl.Int64, strict=False).alias("end"),
    )
    good = (pl.col("start") >= 0) & (pl.col("end") > pl.col("start"))
    bad = table.filter(~good.fill_null(False))
    if len(bad):
        row = bad.row(0, named=True)
        interval = f"{row['chrom']} {row['column_2']} {row['column_3']}"
        raise InputError(f"{path} line {row['line']}: '{interval}' is not an interval (chromosome, start, larger end)")
    return table.select("line", "chrom", "start", "end", pl.exclude("line", "chrom", "start", "end", "^column_[23]$"))


def chromosome_sizes(path: str | Path) -> dict[str, int]:
    """Chromosome lengths in bp, in the file's order, of a .fai, chrom.sizes, FASTA or bigWig."""
    path = Path(path)
    name = path.name.lower()
    if name.endswith((".bw", ".bigwig")):
        return _bigwig_sizes(path)
    if re.search(r"\.(fa|fasta|fna)(\.b?gz)?$", name):
        index = path.with_name(path.name + ".fai")
        if index.exists():
            path = index
        else:
            with open_fasta(path) as file:
                return dict(zip(file.references, file.lengths, strict=True))
    table = read_table(path, 2)
    lengths = table["column_2"].cast(pl.Int64, strict=False)
    bad = table.filter(lengths.is_null() | (lengths <= 0))
    if len(bad):
        raise InputError(f"{path} line {bad['line'][0]}: '{bad['column_2'][0]}' is not a chromosome length")
    if table["column_1"].is_duplicated().any():
        twice = table["column_1"].filter(table["column_1"].is_duplicated())[0]
        raise InputError(f"{path} lists chromosome {twice} twice; keep one line a chromosome")
    return dict(zip(table["column_1"].to_list(), lengths.to_list(), strict=True))


@contextmanager
def open_fasta(path: str | Path) -> Iterator["pysam.FastaFile"]:
    """A FASTA, plain or compressed, opened for random access; a missing index is made in a temporary place.

    bgzip is read as it stands. UCSC and ENCODE compress by gzip, in which no place can be sought: such a file
    is unpacked in the temporary place first.
    """
    import pysam

    path = given = Path(path)
    with tempfile.TemporaryDirectory() as folder:
        compression = _compression(path)
        if compression == "gzip":
            path = _unpacked(path, Path(folder, "genome.fa"))
        compressed = compression == "bgzip"
        index, blocks = Path(f"{path}.fai"), Path(f"{path}.gzi")
        try:
            if not index.exists() or (compressed and not blocks.exists()):
                index, blocks = Path(folder, "index.fai"), Path(folder, "index.gzi")
                pysam.faidx(str(path), "--fai-idx", str(index), *(["--gzi-idx", str(blocks)] if compressed else []))
            file = pysam.FastaFile(
                str(path),
                filepath_index=str(index),
                filepath_index_compressed=str(blocks) if compressed else None,
            )
        except (pysam.SamtoolsError, OSError, ValueError):
            raise InputError(
                f"{given} is not a FASTA that can be indexed (it is cut off or not FASTA); copy or download it again"
            ) from None
        with file:
            yield file


def natural_order(names: Iterable[str]) -> list[str]:
    """Distinct chromosome names, numbers by value, then X, Y, Z, W, M, then all others by name."""

    def key(name: str) -> tuple[int, int, str]:
        bare = _bare(name)
        number = re.match(r"\d+", bare)
        if number:
            return 0, int(number[0]), bare[number.end() :]
        return 1, _SEX_AND_MITO.get(bare, 99), bare

    return sorted(set(names), key=lambda name: (*key(name), name))


def shown(names: Iterable[str], most: int = 5) -> str:
    """Chromosome names for a message: the first `most` in natural order."""
    ordered = natural_order(names)
    return ", ".join([*ordered[:most], *(["..."] if len(ordered) > most else [])])


def is_canonical(name: str) -> bool:
    """Whether a name is a whole chromosome (chr1, 1, X, 2L, MT) and not a scaffold, patch or decoy."""
    return _CANONICAL.fullmatch(name) is not None


def usable(names: Iterable[str], exclude: Collection[str], scaffolds: bool = False) -> list[str]:
    """The names in natural order, without excluded ones (in any spelling) and, by default, scaffolds."""
    unwanted = {_bare(name) for name in exclude}
    kept = (name for name in natural_order(names) if _bare(name) not in unwanted)
    return [name for name in kept if scaffolds or is_canonical(name)]


def require_known(exclude: Iterable[str], names: Collection[str], path: str | Path) -> None:
    """Raise InputError for a chromosome to exclude that no file has, in any spelling: it is mistyped.

    Y and the mitochondrion, which are left out by default, need not be there.
    """
    known = {_bare(name) for name in (*names, *LEFT_OUT)}
    for name in exclude:
        if _bare(name) not in known:
            raise InputError(f"there is no chromosome '{name}' to exclude in {path}; it has {shown(names, 30)}")


def other_spelling(name: str) -> str:
    """ "1" for "chr1" and "chr1" for "1"."""
    return name[3:] if name.startswith("chr") else f"chr{name}"


def strange_names(names: Iterable[str], path: str | Path) -> str:
    """What to say of a file whose chromosomes bear none of the names known here, such as accessions."""
    return (
        f"{path} shares no chromosome with the other input by name: it calls them {shown(names, 3)}, not chr1 or 1; "
        "rename them as the genome does, or, for cCREs and genes, give a table of both names as --chromosome-names"
    )


def reconcile(
    names: Iterable[str],
    reference: Collection[str],
    path: str | Path,
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Map the chromosome names of the file `path` to those of `reference`; others are left out.

    aliases: names of `reference` for others that the file may use, of a table that the user gives.

    "1" and "chr1" are taken for the same chromosome only when no name agrees as it stands, and the user
    is told. chrM and MT are never: UCSC's hg19 has another sequence under chrM. Raises InputError when nothing
    matches, or one file spells some chromosomes with and others without chr.
    """
    names, known = list(dict.fromkeys(names)), set(reference)
    if told := {name: aliases[name] for name in names if name not in known and aliases.get(name) in known}:
        if twice := next((name for name in told if told[name] in names), None):
            raise InputError(f"{path} uses both {twice} and {told[twice]}, which are one chromosome; spell it one way")
        return {name: name for name in names if name in known} | told
    same = {name: name for name in names if name in known}
    respelt = {name: other_spelling(name) for name in names if name not in known and other_spelling(name) in known}
    both = [name for name in respelt if other_spelling(name) in names]
    if both:
        raise InputError(f"{path} uses both {both[0]} and {other_spelling(both[0])}; spell it one way")
    if same and respelt:
        raise InputError(
            f"{path} spells {next(iter(same))} as the other input does and {next(iter(respelt))} otherwise; "
            "spell all chromosomes one way"
        )
    if same:
        return same
    if not respelt:
        if any(re.match(r"(NC|NT|NW|CM|GL|KI)_?\d+\.\d", name) for name in names):
            raise InputError(strange_names(names, path))
        raise InputError(
            f"{path} shares no chromosome with the other input: it has {', '.join(names[:3])}, "
            f"the other {', '.join(list(reference)[:3])}; give files of the same genome"
        )
    first = next(iter(respelt))
    cli.say(f"{path}: chromosome names respelt ({first} -> {respelt[first]}, {len(respelt)} names)")
    return respelt


def require_same_build(sizes: Mapping[str, int], reference: Mapping[str, int | None], path: str | Path) -> None:
    """Raise InputError when a chromosome has another length in `path`: it is of another genome build."""
    for name, length in sizes.items():
        expected = reference.get(name)
        if expected is not None and expected != length:
            raise InputError(
                f"{path}: {name} is {length:,} bp long here but {expected:,} bp in the genome of this run; "
                "it was made for another genome build"
            )


def _bare(name: str) -> str:
    """A name without chr, and M for MT, to find a chromosome by any of its spellings."""
    bare = re.sub("^chr", "", name, flags=re.IGNORECASE)
    return "M" if bare == "MT" else bare


def _compression(path: Path) -> Literal["bgzip", "gzip"] | None:
    """bgzip is gzip in blocks, each of which says its length."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[:2] != _GZIP_MAGIC:
        return None
    return "bgzip" if head[12:14] == b"BC" else "gzip"


def _unpacked(path: Path, plain: Path) -> Path:
    """A gzipped file, unpacked to `plain`; InputError when it is cut off or the disk is full."""
    cli.say(f"{path} is gzipped, not bgzipped: unpacked to {plain.parent} for the time being")
    try:
        with gzip.open(path) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target, 2**20)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path} is cut off or damaged; copy or download it again") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be unpacked to {plain.parent} ({error}); set TMPDIR to a larger disk"
        ) from None
    return plain


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip() and not line.startswith(("#", "track ", "browser ")):
                yield number, line.rstrip("\r\n")


def _bigwig_sizes(path: Path) -> dict[str, int]:
    import pybigtools

    with refusing(f"{path} is not a readable bigWig file", "fetch it again"), pybigtools.open(str(path)) as file:
        return dict(file.chroms())
