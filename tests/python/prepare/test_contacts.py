"""build-loops: the formats, the binning, the lookup, and what is refused."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.formats import loop_files
from crexpress.prepare import contacts
from sketches import write_elements

CHROMOSOMES = {"chr1": 1_000_000, "chr2": 52_000}
BUILD = Path(__file__).parents[3] / "bin" / "build-loops"


def build(tmp_path, text, score="auto", chromosomes=CHROMOSOMES, anchors="span", name="loops.txt", **options):
    """Contacts of a loops file with this text."""
    path = tmp_path / name
    path.write_text(text)
    arrays = contacts.bin_contacts([loop_files.read_loops(path, score)], [path], chromosomes, 5000, anchors, **options)
    header = artifacts.make_header("contacts", "test", cell="K562", parameters={"bin_size": 5000})
    return contacts.Contacts(header, arrays)


def entries(found, value="count"):
    """{(row, column): strength} of what is stored."""
    strengths = found._values[value]
    return dict(zip(zip(found.row.tolist(), found.col.tolist(), strict=True), strengths.tolist(), strict=True))


FITHICHIP = """chr1\ts1\te1\tchr2\ts2\te2\tcc\tCoverage1\tP-Value_Bias\tQ-Value_Bias
chr1\t5000\t10000\tchr1\t100000\t105000\t12\t99\t1e-9\t1e-4
chr1\t10000\t15000\tchr1\t200000\t205000\t30\t99\t0\t0
chr1\t15000\t20000\tchr1\t250000\t255000\t31\t99\t0\t1e-7
chr2\t0\t5000\tchr2\t50000\t55000\t3\t99\t0.1\t1
chr1\t5000\t10000\tchr2\t20000\t25000\t5\t99\t1e-3\t1e-2
"""


def test_fithichip_keeps_counts_and_q_apart_and_caps_infinity(tmp_path, capsys):
    found = build(tmp_path, FITHICHIP)
    assert entries(found) == {(1, 20): 12, (2, 40): 30, (3, 50): 31, (200, 210): 3}
    assert entries(found, "neglog10q") == {(1, 20): 4, (2, 40): 7, (3, 50): 7, (200, 210): 0}
    said = capsys.readouterr().err
    assert "1 loops have q = 0" in said
    assert "capped at 7" in said
    assert "1 loops between two chromosomes are left out" in said


def test_longrange_lists_a_loop_twice_and_counts_it_once(tmp_path):
    text = (
        "chr1\t5000\t10000\tchr1:100000-105000,7\n"
        "chr1\t100000\t105000\tchr1:5000-10000,7\n"
        "chr1\t5000\t10000\tchr1:300000-305000,2\n"
    )
    found = build(tmp_path, text)
    assert entries(found) == {(1, 20): 7, (1, 60): 2}
    assert np.isnan(list(entries(found, "neglog10q").values())).all()


@pytest.mark.parametrize(
    ("value", "score", "stored"),
    [("12", "auto", "count"), ("12.5", "auto", "neglog10q"), ("inf", "auto", "neglog10q"),
     ("12", "neglog10q", "neglog10q"), ("12.5", "count", "count")],
)  # fmt: skip
def test_the_one_number_of_a_longrange_file(tmp_path, value, score, stored):
    found = build(tmp_path, f"chr1\t0\t5000\tchr1:100000-105000,{value}\n", score)
    other = {"count": "neglog10q", "neglog10q": "count"}[stored]
    assert np.isfinite(entries(found, stored)[0, 20])
    with pytest.raises(InputError, match=f"no {other}"):
        found.lookup(np.array([0]), np.array([20]), other)


def test_bedpe_score_column_and_none(tmp_path, capsys):
    base = "chr1\t0\t5000\tchr1\t100000\t105000"
    assert entries(build(tmp_path, f"{base}\tloop1\t9\n")) == {(0, 20): 9}
    assert entries(build(tmp_path, f"{base}\t8\n")) == {(0, 20): 8}
    assert entries(build(tmp_path, f"{base}\n")) == {(0, 20): 1}
    assert "each counts 1" in capsys.readouterr().err


def test_mango_gives_counts_and_q_values_without_a_header(tmp_path):
    text = "chr1\t0\t5000\tchr1\t100000\t105000\t7\t0.001\nchr1\t0\t5000\tchr1\t200000\t205000\t3\t1\n"
    found = build(tmp_path, text)
    assert entries(found) == {(0, 20): 7, (0, 40): 3}
    assert entries(found, "neglog10q") == {(0, 20): pytest.approx(3), (0, 40): 0}
    assert entries(build(tmp_path, text, "count")) == {(0, 20): pytest.approx(0.001), (0, 40): 1}  # column 8 if told


@pytest.mark.parametrize("mark", ["chr1:5000..9000-chr1:100000..104000,7", "chr1:5000-9000..chr1:100000-104000,7"])
def test_chia_pet_bed12_has_the_loop_in_its_name(tmp_path, mark):
    line = f"chr1\t5000\t104000\t{mark}\t700\t.\t5000\t104000\t16711680\t2\t4000,4000\t0,95000\n"
    assert entries(build(tmp_path, line)) == {(1, 20): 7}
    with pytest.raises(InputError, match="line 2: 'peak_2' does not name a loop"):
        build(tmp_path, line + line.replace(mark, "peak_2"))


def test_cloops2_table_has_an_id_before_the_coordinates(tmp_path):
    text = (
        "loopId\tchrX\tstartX\tendX\tchrY\tstartY\tendY\tPETs\tFDR\n"
        "loop_1\tchr1\t0\t5000\tchr1\t100000\t105000\t17\t0.001\n"
    )
    found = build(tmp_path, text)
    assert entries(found) == {(0, 20): 17}
    assert entries(found, "neglog10q") == {(0, 20): pytest.approx(3)}


def test_wide_anchors_link_every_bin_under_them(tmp_path):
    text = "chr1\t7000\t11000\tchr1\t100000\t110001\tx\t4\n"
    assert set(entries(build(tmp_path, text))) == {(r, c) for r in (1, 2) for c in (20, 21, 22)}
    assert set(entries(build(tmp_path, text, anchors="start"))) == {(1, 20)}


def test_of_several_strengths_the_largest_stays(tmp_path):
    line = "chr1\t{}\t{}\tchr1\t100000\t105000\tx\t{}\n"
    text = line.format(0, 5000, 4) + line.format(1, 4000, 9) + line.format(0, 5000, 2)
    assert entries(build(tmp_path, text)) == {(0, 20): 9}


def test_the_first_of_several_stays_where_that_is_asked_for(tmp_path):
    line = "chr1\t{}\t{}\tchr1\t100000\t105000\tx\t{}\n"
    text = line.format(0, 5000, 4) + line.format(1, 4000, 9) + line.format(0, 5000, 2)
    assert entries(build(tmp_path, text, duplicates="first")) == {(0, 20): 4}
    found = build(tmp_path, FITHICHIP + "chr1\t5000\t10000\tchr1\t100000\t105000\t99\t9\t1\t0.1\n", duplicates="first")
    assert (entries(found)[1, 20], entries(found, "neglog10q")[1, 20]) == (12, 4)  # both of one line


def test_infinite_loops_can_be_dropped(tmp_path, capsys):
    found = build(tmp_path, FITHICHIP, infinite="drop")
    assert set(entries(found)) == {(1, 20), (3, 50), (200, 210)}
    assert "1 loops of infinite strength are left out" in capsys.readouterr().err
    text = "chr1\t0\t5000\tchr1:100000-105000,inf\nchr1\t0\t5000\tchr1:200000-205000,2.5\n"
    assert entries(build(tmp_path, text, "count", infinite="drop")) == {(0, 40): 2.5}


def test_lookup_is_symmetric_and_zero_elsewhere(tmp_path):
    found = build(tmp_path, FITHICHIP)
    chroms = pl.Series(["chr1", "chr1", "chr2", "chr2", "chrUn", "chr1"])
    bins = found.bins(chroms, np.array([9_999, 104_999, 0, 51_999, 10, 2_000_000]))
    assert bins.tolist() == [1, 20, 200, 210, -1, -1]
    table = found.lookup(bins[:, None], bins[None, :])
    expected = np.zeros((6, 6), np.float32)
    expected[0, 1] = expected[1, 0] = 12
    expected[2, 3] = expected[3, 2] = 3
    assert np.array_equal(table, expected)
    assert table.dtype == np.float32


def test_lookup_agrees_with_a_dense_matrix(tmp_path):
    rng = np.random.default_rng(0)
    rows = [(int(a) * 5000, int(b) * 5000, int(c)) for a, b, c in rng.integers(1, 200, (150, 3))]
    text = "".join(f"chr1\t{a}\t{a + 5000}\tchr1\t{b}\t{b + 5000}\tx\t{c}\n" for a, b, c in rows)
    dense = np.zeros((200, 200))
    for a, b, c in rows:
        dense[a // 5000, b // 5000] = dense[b // 5000, a // 5000] = max(dense[a // 5000, b // 5000], c)
    every = np.arange(200)
    assert np.array_equal(build(tmp_path, text).lookup(every[:, None], every[None, :]), dense)


def test_one_chromosome_only_is_said(tmp_path, capsys):
    build(tmp_path, "chr1\t0\t5000\tchr1\t100000\t105000\tx\t4\n")
    assert "every loop lies on chr1" in capsys.readouterr().err


def test_chromosomes_without_elements_and_other_naming(tmp_path, capsys):
    text = "1\t0\t5000\t1\t100000\t105000\tx\t4\nGL1\t0\t5000\tGL1\t10000\t15000\tx\t4\n"
    assert entries(build(tmp_path, text)) == {(0, 20): 4}
    assert "without elements are left out (GL1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr1\t0\t5000\tchr1\t100000\t105000\tx\t4\nchr1\t0\t5000\tchr1\t-1\t105000\tx\t4\n", "line 2: 'chr1 -1"),
        ("chr1\t900\t500\tchr1\t100000\t105000\tx\t4\n", "line 1: 'chr1 900 500' is not a loop anchor"),
        ("chr1\t0\t5000\tchr1:100000-105000,seven\n", "line 1: score 'seven'"),
        ("chr1\t0\t5000\tchr1:100000-105000,-3\n", "line 1: score '-3'"),
        ("chr1\t0\t5000\tchr1:100000-105000,4\nchr1\t0\t5000\tchr1;1-2\n", "line 2"),
        ("chr1\t0\t5000\tdELS\n", "line 1 is not a loop"),
        ("chr1\t0\t5000\n", "4 columns are needed"),
        ("", "no line"),
        ("chr1\t0\t5000\tchr1\t3000000\t3005000\tx\t4\n", "another genome build"),
        ("chr1\t0\t5000\tchr2\t0\t5000\tx\t4\n", "no loop within a chromosome"),
        ("chrA\t0\t5000\tchrA\t0\t5000\tx\t4\n", "shares no chromosome"),
        (FITHICHIP.replace("1e-7", "1.5"), "is not a q value"),
        (FITHICHIP.replace("\t30\t", "\tmany\t"), "line 3: cc 'many'"),
    ],
)
def test_bad_loops_are_refused_by_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        build(tmp_path, text)


def test_chromosomes_of_unknown_length_get_the_bins_they_need(tmp_path):
    text = "chr1\t0\t5000\tchr1\t100000\t100000\tx\t4\nchr2\t0\t5000\tchr2\t20000\t25000\tx\t5\n"
    found = build(tmp_path, text, chromosomes={"chr1": None, "chr2": None})
    assert found.offsets.tolist() == [0, 21, 26]
    assert entries(found) == {(0, 20): 4, (21, 25): 5}


def test_infinite_count_is_refused(tmp_path):
    with pytest.raises(InputError, match="infinite count"):
        build(tmp_path, "chr1\t0\t5000\tchr1:100000-105000,inf\n", "count")


def test_truncated_gzip_is_refused(tmp_path):
    path = tmp_path / "loops.bedpe.gz"
    path.write_bytes(gzip.compress((FITHICHIP * 200).encode())[:-40])
    with pytest.raises(InputError, match="cut off or damaged"):
        loop_files.read_loops(path)


def write_matrix(path, chromosomes=CHROMOSOMES):
    import hictkpy  # starts a thread that may spin; see loop_formats

    writer = (hictkpy.cooler if path.suffix == ".cool" else hictkpy.hic).FileWriter(path, chromosomes, 5000)
    pixels = {"bin1_id": [1, 2, 3, 200], "bin2_id": [20, 40, 150, 210], "count": [12, 30, 7, 3]}
    writer.add_pixels_from_dict(pixels)
    writer.finalize()
    return path


@pytest.mark.parametrize("name", ["a.cool", "a.hic"])
def test_contact_matrix_gives_counts_within_reach(tmp_path, name):
    path = write_matrix(tmp_path / name)
    loops = loop_files.read_loops(path, reach=300_000)
    arrays = contacts.bin_contacts([loops], [path], CHROMOSOMES, 5000)
    assert arrays["row"].tolist() == [1, 2, 200]
    assert arrays["count"].tolist() == [12, 30, 3]
    assert "width" not in arrays
    with pytest.raises(InputError, match="bins of 1000 bp"):
        loop_files.read_loops(path, bin_size=1000)


def test_contact_matrix_of_another_build_is_refused(tmp_path):
    path = write_matrix(tmp_path / "a.cool", {"chr1": 1_000_001, "chr2": 52_000})
    with pytest.raises(InputError, match="another genome build"):
        contacts.bin_contacts([loop_files.read_loops(path)], [path], CHROMOSOMES, 5000)


def test_executable_writes_the_artefact(tmp_path):
    elements = pl.DataFrame({"chrom": ["chr1"], "start": [0]})
    write_elements(tmp_path / "elements.parquet", elements, chromosomes=list(CHROMOSOMES.items()))
    (tmp_path / "a.bed").write_text(FITHICHIP)
    command = [sys.executable, BUILD, "--elements", "elements.parquet", "--cell", "K562", "--loops", "a.bed"]
    for name in ("one.npz", "two.npz"):
        done = subprocess.run([*command, "--output", name], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    found = contacts.Contacts.open(tmp_path / "one.npz")
    assert entries(found) == {(1, 20): 12, (2, 40): 30, (3, 50): 31, (200, 210): 3}
    assert found.header["parameters"] == {
        "bin_size": 5000, "anchors": "span", "infinite": "cap", "duplicates": "largest", "formats": ["table"],
    }  # fmt: skip


def test_anchors_of_whole_chromosomes_do_not_fill_the_memory(tmp_path: Path) -> None:
    """Some tools write trans contacts or domains so: two anchors of chr1 would make 2.5e9 pairs of bins."""
    path = tmp_path / "wide.bedpe"
    path.write_text("chr1\t0\t5000\tchr1\t50000\t55000\t.\t3\nchr1\t0\t248956422\tchr1\t0\t248956422\t.\t3\n")
    read = loop_files.read_loops(path)
    with pytest.raises(InputError, match=r"the loop of chr1:0-248,956,422 and 0-248,956,422 has anchors too wide"):
        contacts.bin_contacts([read], [path], {"chr1": 248_956_422}, 5000)
    assert len(contacts.bin_contacts([read], [path], {"chr1": 248_956_422}, 5000, anchors="start")["row"]) == 2
