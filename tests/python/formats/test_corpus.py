"""The smallest files of each kind that once ended in a traceback, or that a parser must never take silently.

tests/corpus/PARSER/CASE/FILE is read by the parser of that name in tests/robust/parsers.py. What the fuzz finds is cut
down and put there, with what is to be said of it.
"""

import shutil
from pathlib import Path

import pytest

import made
from crexpress.core.errors import InputError
from parsers import PARSERS, finite

CORPUS = Path(__file__).parents[2] / "corpus"
SAID = {
    "bed/control-characters": r"line 1: 'chr1 2000 23\\x1b\[31m00' is not an interval",
    "bed/digit-of-no-number": "line 1: 'chr1 2000 23²' is not an interval",
    "bed/digits-without-end": r"line 1: .*\(5,001 characters\) is not an interval",
    "bed/end-before-start": "line 1: 'chr1 2300 2000' is not an interval",
    "bed/name-of-digits": "",  # left out, as other chromosomes that the genome has not
    "bed/outside-the-chromosome": r"lies behind the end of chr1 \(120,000 bp\)",
    "bigwig/chromosomes-without-end": "it lists more chromosomes than it holds",
    "cage-table/infinite": "line 1: 'inf' .* is not a measured value",
    "chromosome-names/two-for-one": "names none of the genome's chromosomes",
    "chromosome-sizes/negative": "line 1: '-5' is not a chromosome length",
    "chromosome-sizes/twice": "lists chromosome chr1 twice",
    "expression-gct/no-sizes": "line 2 should say how many rows and columns",
    "expression-matrix/quote-open": "line 2: a quote is opened and not closed",
    "expression-rsem/short-line": "line 2 has 3 fields, the header has 7",
    "expression-two-columns/infinity": "line 1: 'inf' .* is not a measured value",
    "expression-two-columns/negative": "line 1: '-1.5' .* is not a measured value",
    "factors/motif-twice": "line 2: TF01.SIM is B, and A above",
    "gtf/gene-twice": "lines 1 and 3 both are gene ENSG1",
    "gtf/start-behind-end": "line 1",
    "loops-bedpe/infinite-strength": "",  # q = 0: as strong as the strongest, and said
    "loops-bedpe/whole-chromosomes": "",  # within limits
    "loops-fithic/q-of-nan": "line 2: q-value 'nan' must be a number",
    "loops-matrix/block-without-end": "is not a readable contact matrix .*failed to decompress block",
    "meme/cut": "ends after row 1 of 3 of motif A",
    "meme/nan": "line 7: row 1 of 1 of motif A must be four probabilities",
    "meme/width-of-no-digit": "line 6: motif A has no positive width",
    "preset/deep": "no readable JSON",
    "preset/not-a-number": "training.learning_rate: must be a number from 1e-12, found NaN",
    "preset/number-without-end": "no readable JSON",
    "runs/unknown-option": "the run's own settings are wrong: No such option",
    "samplesheet/field-without-end": r"row 2, column file: .*\(140,002 characters\)",
    "samplesheet/line-break-in-a-field": "line 2: a quote is opened and not closed",
    "sweep/date-for-a-number": "no readable YAML: month must be in 1..12",
    "sweep/deep": "too deep in each other",
    "sweep/tag": "no readable YAML: could not determine a constructor",
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The genome, elements, genes and motifs that the parsers hold a file against."""
    folder = tmp_path_factory.mktemp("sound")
    made.genome(folder)
    return folder


@pytest.mark.parametrize("case", sorted(SAID))
def test_a_minimal_failure_is_one_sentence(case: str, sound: Path, tmp_path: Path) -> None:
    (source,) = (CORPUS / case).iterdir()
    path = Path(shutil.copy(source, tmp_path))
    read = PARSERS[case.partition("/")[0]].read
    if SAID[case]:
        with pytest.raises(InputError, match=SAID[case]):
            read(path, sound)
    else:
        assert not list(finite(read(path, sound)))


def test_every_file_of_the_corpus_is_read() -> None:
    assert sorted(f"{path.parent.name}/{path.name}" for path in CORPUS.glob("*/*")) == sorted(SAID)
