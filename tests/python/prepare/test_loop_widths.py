"""The widths of loops' anchors that build-loops keeps, worked out by hand; what has none, and damaged ones."""

import numpy as np
import pytest
from test_contacts import CHROMOSOMES, FITHICHIP, build, entries, write_matrix

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.formats import loop_files
from crexpress.prepare import contacts


def test_the_width_is_of_the_loop_whose_strength_is_kept_and_of_equals_the_narrower(tmp_path):
    line = "chr1\t{}\t{}\tchr1\t{}\t{}\tx\t{}\n"
    wide = line.format(0, 5000, 100_000, 105_000, 4)
    strong = line.format(1000, 4000, 101_000, 102_000, 9)  # 3000 and 1000 bp
    text = wide + strong + line.format(101_000, 102_000, 1000, 4000, 9)  # the last from its other end
    found = build(tmp_path, text)
    assert (entries(found), found.widths.tolist()) == ({(0, 20): 9}, [2000])
    assert build(tmp_path, text, duplicates="first").widths.tolist() == [5000]
    narrow = line.format(2000, 3500, 103_000, 103_500, 9)  # 1500 and 500 bp
    for same in (text + narrow, narrow + text):
        assert build(tmp_path, same).widths.tolist() == [1000]
    over = line.format(7000, 11_000, 100_000, 110_001, 3)  # every bin under the anchors has the loop's width
    assert build(tmp_path, over).widths.tolist() == [7000.5] * 6
    found = build(tmp_path, "chr2\t0\t5000\tchr2\t50000\t55000\tx\t4\n")  # the last bin overhangs the chromosome
    assert found.widths.tolist() == [5000]


def test_the_width_of_equal_counts_is_that_of_the_larger_q(tmp_path):
    mango = "chr1\t{}\t{}\tchr1\t100000\t105000\t7\t{}\n"
    found = build(tmp_path, mango.format(0, 1000, 0.1) + mango.format(0, 4000, 0.001))
    assert (entries(found, "neglog10q")[0, 20], found.widths.tolist()) == (pytest.approx(3), [4500])
    # without a count, that of the largest -log10 q
    qs = "chr1\t0\t3000\tchr1:100000-103000,2.5\nchr1\t0\t1000\tchr1:100000-101000,1.5\n"
    assert build(tmp_path, qs).widths.tolist() == [3000]


def test_what_has_no_width_is_not_known_and_never_0(tmp_path):
    point = "chr1\t2500\tchr1\t102500\t9\n"
    middles = f"chr1\tfragmentMid1\tchr2\tfragmentMid2\tcontactCount\tp-value\tq-value\n{point[:-1]}\t0.1\t0.01\n"
    found = build(tmp_path, middles)
    assert (entries(found), found.widths) == ({(0, 20): 9}, None)
    empty = build(tmp_path, "chr1\t2500\t2500\tchr1\t100000\t105000\tx\t4\n")
    assert (entries(empty), empty.widths) == ({(0, 20): 4}, None)
    both = "chr1\t2500\t2500\tchr1\t100000\t105000\tx\t4\nchr1\t0\t5000\tchr1\t200000\t205000\tx\t4\n"
    np.testing.assert_array_equal(build(tmp_path, both).widths, np.float32([np.nan, 5000]))


def test_contacts_of_a_matrix_have_none_and_those_of_loops_joined_with_it_do(tmp_path):
    path = write_matrix(tmp_path / "a.cool")
    listed = tmp_path / "b.bedpe"
    listed.write_text("chr1\t5000\t7000\tchr1\t300000\t304000\tx\t4\n")
    loops = [loop_files.read_loops(path, reach=300_000), loop_files.read_loops(listed)]
    joined = contacts.bin_contacts(loops, [path, listed], CHROMOSOMES, 5000)
    assert joined["row"].tolist() == [1, 1, 2, 200]
    np.testing.assert_array_equal(joined["width"], np.float32([np.nan, 3000, np.nan, np.nan]))


def test_a_file_without_widths_opens_and_damaged_widths_are_refused(tmp_path):
    path = tmp_path / "loops.txt"
    path.write_text(FITHICHIP)
    arrays = contacts.bin_contacts([loop_files.read_loops(path)], [path], CHROMOSOMES, 5000)
    about = {"bin_size": 5000, "anchors": "span", "infinite": "cap", "duplicates": "largest", "formats": ["table"]}
    sources = [path, path]
    header = artifacts.make_header("contacts", "test", elements="e", cell="K562", parameters=about, sources=sources)

    def opened(arrays):
        artifacts.write_sparse(tmp_path / "contacts.npz", arrays, header)
        return contacts.Contacts.open(tmp_path / "contacts.npz")

    width = arrays.pop("width")
    assert (width.dtype, width.tolist()) == (np.float32, [5000] * 4)
    older, newer = opened(arrays), opened(arrays | {"width": width})
    assert older.widths is None
    assert entries(older) == entries(newer)
    assert newer.without_widths().widths is None
    assert newer.widths.tolist() == [5000] * 4
    damage = {
        "a width of anchors is infinite, 0 or below": (width * 0, width - 5001, width * np.inf),
        "its columns differ in length": (width[:3],),
        "its array width is": (width.astype(np.float64), width[:, None]),
    }
    for message, values in damage.items():
        for value in values:
            with pytest.raises(InputError, match=message):
                opened(arrays | {"width": value})
