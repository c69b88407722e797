"""MEME files as HOCOMOCO, JASPAR and the MEME suite write them, the factors they name, and what is refused."""

import json

import numpy as np
import pytest

from crexpress.core.errors import InputError
from crexpress.formats import meme

HEADER = "\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies\nA 0.3 C 0.2 G 0.2 T 0.3\n"
HOCOMOCO_11 = f"""MEME version 4
{HEADER}
MOTIF AHR_HUMAN.H11MO.0.B
letter-probability matrix: alength= 4 w= 2 nsites= 154
0.25\t0.125\t0.375\t0.25
0.0\t0.0\t1.0\t0.0
URL http://hocomoco11.autosome.ru/motif/AHR_HUMAN.H11MO.0.B

MOTIF P53_HUMAN.H11MO.1.A
letter-probability matrix: alength= 4 w= 1 nsites= 500 E= 0
  0.1\t  0.2\t  0.3\t  0.4\t
"""
HOCOMOCO_12 = f"""MEME version 4
{HEADER}
MOTIF AHR.H12CORE.0.P.B
letter-probability matrix: alength= 4 w= 2 nsites= 1003
0.1754735792622134\t0.3060817547357926\t0.390827517447657\t0.127617148554337
0.6689999999999999\t0.03\t0.079\t0.222
URL https://hocomoco12.autosome.org/motif/AHR.H12CORE.0.P.B

MOTIF ANDR.H12CORE.2.PSM.A
letter-probability matrix: alength= 4 w= 1 nsites= 1000
0.0\t0.0\t1.0\t0.0
URL https://hocomoco12.autosome.org/motif/ANDR.H12CORE.2.PSM.A
"""
JASPAR = f"""MEME version 4
{HEADER}
MOTIF MA0004.1 Arnt
letter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0
 0.200000  0.800000  0.000000  0.000000
 0.333333  0.333333  0.333333  0.000000
URL http://jaspar.genereg.net/matrix/MA0004.1

MOTIF MA0099.3 FOS::JUN
letter-probability matrix: alength= 4 w= 1 nsites= 5 E= 0
 1.000000  0.000000  0.000000  0.000000

MOTIF MA0813.1 MA0813.1.TFAP2B(var.3)
letter-probability matrix: alength= 4 w= 1 nsites= 5 E= 0
 1.000000  0.000000  0.000000  0.000000
"""
# whole outputs of the MEME program: other tables around the matrices, and the motif's width in its MOTIF line
MEME_3 = """********************************************************************************
MEME version 3.0 (Release date: 2004/08/18 09:07:01)
********************************************************************************
DATAFILE= INO_up800.s
ALPHABET= ACGT
Sequence name            Weight Length  Sequence name            Weight Length
-------------            ------ ------  -------------            ------ ------
1opi1                    1.0000    800  2ino1                    1.0000    800
Background letter frequencies (from dataset with add-one prior applied):
A 0.304 C 0.196 G 0.196 T 0.304
********************************************************************************
MOTIF  1\twidth =    2   sites =   6   llr = 100   E-value = 2.0e-003
********************************************************************************
Simplified        A  :8
pos.-specific     C  2:
bits    2.1  *
\tMotif 1 in BLOCKS format
BL   MOTIF 1 width=2 seqs=6
CHO1                     (  640) TC  1
//
--------------------------------------------------------------------------------
log-odds matrix: alength= 4 w= 2 n= 1658 bayes= 5.8633 E= 2.0e-003
   171   -923   -923   -923
  -923    200    100   -923
--------------------------------------------------------------------------------
letter-probability matrix: alength= 4 w= 2 nsites= 6 E= 2.0e-003
 1.000000  0.000000  0.000000  0.000000
 0.000000  0.500000  0.500000  0.000000
--------------------------------------------------------------------------------
log-odds matrix: alength= 4 w= 1 nsites= 6 E= 2.0e-003
1 0 0 1
"""
MEME_5 = """MEME version 5.5.3 (Release date: Thu Jul 6 2023)
ALPHABET "DNA" DNA-LIKE
A "Adenine" CC0000 ~ T "Thymine" 008000
C "Cytosine" 0000CC ~ G "Guanine" FFB300
N "Any base" = ACGT
END ALPHABET

strands: +

Background letter frequencies (from file `nrdb'):
A 0.25 C 0.25 G 0.25 T 0.25

MOTIF RGA MEME-1\twidth =  1  sites =  20  llr = 100  E-value = 1.0e-010
letter-probability matrix:
0.5 0 0.5 0

MOTIF second
letter-probability matrix: nsites= 0
0.5 0 0.5 0
.1 .2 .3 .4
URL http://example.org
"""


def write(tmp_path, text, name="motifs.meme"):
    path = tmp_path / name
    path.write_text(text)
    return path


def read(tmp_path, text):
    return meme.read_meme(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "names", "factors", "widths", "sites"),
    [
        (HOCOMOCO_11, ["AHR_HUMAN.H11MO.0.B", "P53_HUMAN.H11MO.1.A"], ["AHR", "P53"], [2, 1], [154, 500]),
        (HOCOMOCO_12, ["AHR.H12CORE.0.P.B", "ANDR.H12CORE.2.PSM.A"], ["AHR", "ANDR"], [2, 1], [1003, 1000]),
        (JASPAR, ["MA0004.1", "MA0099.3", "MA0813.1"], ["Arnt", "FOS::JUN", "TFAP2B"], [2, 1, 1], [20, 5, 5]),
        (MEME_3, ["1"], ["1"], [2], [6]),
        (MEME_5, ["RGA", "second"], ["MEME-1", "second"], [1, 2], [20, 20]),
    ],
)
def test_collections_are_read_as_they_are_written(tmp_path, text, names, factors, widths, sites):
    found = read(tmp_path, text)
    assert (found.names, found.factors) == (names, factors)
    assert [len(motif.probabilities) for motif in found.motifs] == widths
    assert [motif.sites for motif in found.motifs] == sites


def test_numbers_and_background_are_those_of_the_file(tmp_path):
    found = read(tmp_path, JASPAR)
    assert found.motifs[0].probabilities.tolist() == [[0.2, 0.8, 0, 0], [0.333333, 0.333333, 0.333333, 0]]
    np.testing.assert_allclose(found.background, [0.3, 0.2, 0.2, 0.3])
    np.testing.assert_allclose(read(tmp_path, MEME_3).background, [0.304, 0.196, 0.196, 0.304])
    assert read(tmp_path, f"MOTIF A\n{MATRIX}").background.tolist() == [0.25] * 4


@pytest.mark.parametrize(
    ("name", "alternative", "factor"),
    [
        ("ATF4.H11FULL", "", "ATF4"),  # ScPGE's own lists
        ("NKX21_MOUSE.H11MO.0.A", "", "NKX21"),
        ("P53.H13CORE.0.P.B", "P53.H13CORE.0.P.B", "P53"),
        ("MA0035.4", "Gata1", "Gata1"),
        ("MA0003.4", "MA0003.4.TFAP2A", "TFAP2A"),
        ("MA0054.1", "myb.Ph3", "myb.Ph3"),
        ("MA0149.1", "EWSR1-FLI1", "EWSR1-FLI1"),
        ("GATA1_disc2", "", "GATA1"),
    ],
)
def test_factor_of_a_name(name, alternative, factor):
    assert meme.factor_of(name, alternative) == factor


def test_an_annotation_table_names_the_genes(tmp_path):
    motif_set = read(tmp_path, HOCOMOCO_11)
    table = "Model\tTranscription factor\tModel length\nP53_HUMAN.H11MO.1.A\tTP53\t1\nAHR\tAhr\n"
    named, count = meme.name_factors(motif_set, write(tmp_path, table, "annotation.tsv"))
    assert (named.factors, count) == (["Ahr", "TP53"], 2)
    assert named.motifs[0].probabilities is motif_set.motifs[0].probabilities

    records = [
        {"name": "ANDR.H12CORE.2.PSM.A", "masterlist_info": {"species": {"HUMAN": {"gene_symbol": "AR"}}}},
        {"name": "X.H12CORE.0.P.B", "masterlist_info": {"species": {"MOUSE": {"gene_symbol": "Xyz"}}}},
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    named, count = meme.name_factors(read(tmp_path, HOCOMOCO_12), write(tmp_path, lines, "H12CORE_annotation.jsonl"))
    assert (named.factors, count) == (["AHR", "AR"], 1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("AHR_HUMAN.H11MO.0.B TP53\n", "line 1: expected a motif and its gene"),
        ('{"name": "AHR_HUMAN.H11MO.0.B"}\n', "line 1: expected a motif and its gene"),
        ("{broken\n", "line 1: expected a motif and its gene"),
        ("other\tTP53\n", "names none of the motifs"),
    ],
)
def test_a_table_of_something_else_is_refused(tmp_path, table, message):
    with pytest.raises(InputError, match=message):
        meme.name_factors(read(tmp_path, HOCOMOCO_11), write(tmp_path, table, "table"))


MATRIX = "letter-probability matrix: alength= 4 w= 2 nsites= 17 E= 0\n0.1 0.2 0.3 0.4\n 1.0\t0\t0\t0\n"
BARE = MATRIX.replace("w= 2", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"MOTIF A\n{MATRIX.replace('w= 2', 'w= 0')}", "line 2: motif A has no positive width"),
        (f"MOTIF A\n{MATRIX.replace('w= 2', 'w= two')}", "line 2: motif A has no positive width"),
        (f"MOTIF A\n{MATRIX.replace('17', 'some')}", r"line 2: the number of sites of motif A \(nsites=\) is 'some'"),
        (f"MOTIF A\n{MATRIX.replace('17', '-3')}", "line 2: the number of sites of motif A"),
        (f"MOTIF A\n{MATRIX.replace('0.3', 'x')}", "line 3: row 1 of 2 of motif A must be four probabilities"),
        (f"MOTIF A\n{BARE.replace('0.3', 'x')}", "line 3: row 1 of motif A must be four probabilities"),
        (f"MOTIF A\n{BARE}oops\n", "line 5: row 3 of motif A must be four probabilities"),
        (f"MOTIF A\n{MATRIX.replace(' 0.4', '')}", "line 3: row 1 of 2 of motif A must be four"),
        (f"MOTIF A\n{MATRIX.replace('0.4', 'nan')}", "line 3: row 1 of 2 of motif A must be four"),
        (f"MOTIF A\n{MATRIX.replace('0.4', '-0.4')}", "line 3: row 1 of 2 of motif A must be four"),
        (f"MOTIF A\n{MATRIX.replace('0.4', '14')}", "line 3: row 1 of 2 of motif A must be four"),
        (f"MOTIF A\n{MATRIX.replace('0.4', '0.5')}", "line 3: row 1 of 2 of motif A sums to 1.1, not to 1"),
        (f"MOTIF A\n{MATRIX.replace('0.4', '0.3')}", "line 3: row 1 of 2 of motif A sums to 0.9, not to 1"),
        (f"MOTIF A\n{MATRIX}0.1 0.2 0.3 0.4\n", "line 5: motif A has more rows"),
        (f"MOTIF A\n{MATRIX.replace('w= 2', 'w= 3')}MOTIF B\n{MATRIX}", "line 5: row 3 of 3 of motif A"),
        (f"MOTIF A\n{MATRIX.replace('w= 2', 'w= 3')}", "ends after row 2 of 3 of motif A; it is cut off"),
        ("MOTIF A\nletter-probability matrix:\n", "ends after row 0 of motif A"),
        (f"MOTIF A\n{MATRIX}MOTIF A\n{MATRIX}", "line 5: 'MOTIF A' has no name, or one that was used"),
        (f"MOTIF\n{MATRIX}", "line 1: 'MOTIF' has no name"),
        (MATRIX, "line 1: a matrix must follow its own MOTIF line"),
        (f"MOTIF A\n{MATRIX}{MATRIX}", "line 5: a matrix must follow its own MOTIF line"),
        ("ALPHABET= ACDEFGHIKLMNPQRSTVWY\n", "line 1: the alphabet must be ACGT"),
        ('ALPHABET "RNA" RNA-LIKE\n', "line 1: the alphabet must be ACGT"),
        ("Background letter frequencies\nA 0.5 C 0.5 G 0\n", "line 2: the background"),
        ("Background letter frequencies\nA nan C 0.5 G 0.2 T 0.3\n", "line 2: the background"),
        ("MEME version 5\n", "holds no motif"),
    ],
)
def test_bad_meme_is_refused_by_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)
