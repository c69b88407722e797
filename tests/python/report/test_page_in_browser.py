"""The page in a browser: nothing is asked of the network, nothing fails, a gene is found, a name is only a name."""

import time
from itertools import product
from pathlib import Path

import polars as pl
import pytest

import answers_case
import chromium
from crexpress.core import artifacts
from crexpress.report import html
from crexpress.report.page import Page, Section, Table, TableCell
from report_case import Run, invoke
from tiny_case import TinyCase

ODD = "<img src=x onerror=document.title='broken'>"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not chromium.BROWSER, reason="no chromium on this machine")]


@pytest.fixture(scope="module")
def run(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tiny, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the run, in which one gene has a name that means to be markup."""
    folder = tmp_path_factory.mktemp("odd")
    frame, header = artifacts.read_table(run.tiny.genes, "genes")
    twin = pl.when(pl.col("gene_id").is_in(["G8", "G95"])).then(pl.lit("TWIN")).otherwise("gene_name")
    odd = pl.when(pl.col("gene_id") == "G7").then(pl.lit(ODD)).otherwise(twin).alias("gene_name")
    artifacts.write_table(folder / "genes.parquet", frame.with_columns(odd), header)
    options = [*run.arguments(folder / "out"), *answers_case.options(run, folder)]
    options[options.index("--genes") + 1] = str(folder / "genes.parquet")
    tested = pl.read_csv(run.folder / "screen.tsv", separator="\t", infer_schema=False)  # many genes with some of each
    each = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("TRUE")).otherwise(pl.lit("FALSE"))
    tested.with_columns(Regulated=each).write_csv(run.folder / "screen.tsv", separator="\t")
    done = invoke(*options)
    assert done.exit_code == 0, done.output
    return folder / "out" / "report.html"


def test_a_gene_is_found_and_nothing_is_asked_of_the_network(page: Path, tmp_path: Path) -> None:
    with chromium.browsing(tmp_path / "profile") as browser:
        for width, dark in ((1400, False), (420, True)):
            browser.open(page, width, dark=dark)
            browser.until("document.documentElement.classList.contains('ready')")
            assert browser.ask("document.documentElement.scrollWidth") <= width  # nothing hangs over the side
            # all columns of every table lie inside, folded ones as well
            browser.ask("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            tables = "[...document.querySelectorAll('.table')]"
            wide = f"{tables}.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.ariaLabel)"
            assert browser.ask(wide) == []
        # on the small screen each figure stands with its name
        assert browser.ask(f"{tables}.every((one) => [...one.querySelectorAll('td:not(.why):not(:empty)')]"
                           ".every((cell) => cell.dataset.label || cell.closest('thead, .links')))")  # fmt: skip
        assert browser.ask("document.querySelectorAll('[id]').length == new Set([...document.querySelectorAll('[id]')]"
                           ".map((node) => node.id)).size")  # fmt: skip
        ask = "$('gene-name').value = {}; $('finder').requestSubmit(); $('gene').textContent"
        found = browser.ask(ask.format("'name94'"))
        assert found.startswith("NAME94 G94")
        assert "Locus in A" in found
        browser.until("document.querySelectorAll('.locus svg rect').length > 3")  # drawn with the next frame
        assert browser.ask(ask.format("'G7'")).startswith(ODD)
        assert browser.ask("document.querySelectorAll('#gene img').length") == 0
        assert browser.ask("document.title") != "broken"
        browser.ask(ask.format("'NOSUCH'"))
        assert "No gene is called" in browser.ask("$('gene-note').textContent")
        # of several genes with a symbol each can be chosen
        assert browser.ask(ask.format("'twin'")).startswith("TWIN G8")
        assert "2 genes are called" in browser.ask("$('gene-note').textContent")
        choose = "[...document.querySelectorAll('#gene-note button')].find((one) => one.textContent == 'G95').click()"
        assert browser.ask(f"{choose}; $('gene').textContent").startswith("TWIN G95")
        # what the marks are
        assert browser.ask(ask.format("'NAME94'")).startswith("NAME94 G94")
        keys = browser.ask("document.querySelector('.key').textContent")
        assert all(text in keys for text in ("not recommended", "screen: no response", "elements")), keys
        browser.until("document.querySelector('.locus svg')")  # drawn with the next frame
        assert "tracks: log10(1 + signal)" in browser.ask("document.querySelector('.locus svg').textContent")
        # the dot at 70 % recall is the table's figure
        dots = browser.ask("[...document.querySelectorAll('.curves circle title')].map((one) => one.textContent)")
        assert "distance: precision 0.500 at 70 % recall" in dots  # the curve's next point has 0.2
        # distances are along the gene, as the words upstream and downstream
        elements = "{id: ['E'], start: [2000], length: [100], middle: [50], class: [0], silent: '0'}"
        links = (
            f"{{elements: {elements}, first: [0], counts: [1], element: [0], classes: ['dELS'], score: [1], scale: 1, "
        )
        links += "rank: [1], called: '0', looped: '0', whyOf: [-1], why: [], tracks: []}"
        ask_rows = "rowsOf({{cells: [], chroms: ['chr1'], genes: {{chrom: [0], tss: [1000], strand: '{}'}}}}, {}, 0)"
        ask_rows += ".rows[0].distance"
        assert [browser.ask(ask_rows.format(strand, links)) for strand in "+-"] == [1050, -1050]
        # why a bar above the cutoff is not recommended; where its element lies, 1-based as browsers write it
        told = links.replace("whyOf: [-1], why: []", "whyOf: [0], why: ['not called: its element lies on a TSS']")
        genes = "{cells: [], chroms: ['chr1'], genes: {chrom: [0], tss: [1000], strand: '+'}}"
        row = f"rowsOf({genes}, {told}, 0).rows[0]"
        assert browser.ask(f"[{row}.why, {row}.place]") == ["not called: its element lies on a TSS", "chr1:2,001-2,100"]
        # a cell whose tracks are another's is none that was never seen
        cells = "[{name: 'K', seen: false, copied: true, role: ''}, {name: 'L', seen: false, copied: false, role: ''}]"
        rows = f"[...expressionTable({{cells: {cells}, genes: {{split: [0]}}}}, 0).querySelectorAll('tbody tr')]"
        assert browser.ask(f"{rows}.map((row) => row.cells[4].textContent)") == ["as another cell", "no"]
        # a heading sorts, by keyboard as well
        browser.ask(ask.format("'NAME94'"))
        column = "[...document.querySelectorAll('table.links tbody')].map((row) => +row.rows[0].cells[2].dataset.value)"
        browser.ask("document.querySelectorAll('table.links thead button')[2].click()")
        down = browser.ask(column)
        assert down == sorted(down, reverse=True)
        # the yardstick in black can be seen in the dark
        line = "[...document.querySelectorAll('.curves polyline')].map((one) => getComputedStyle(one).stroke)"
        assert "rgb(26, 26, 26)" not in browser.ask(line)
        assert browser.ask("getComputedStyle(document.body).color") in browser.ask(line)
        # curves are chosen
        lines = "document.querySelectorAll('.curves polyline').length"
        before = browser.ask(lines)
        assert browser.ask(f"document.querySelector('.chooser input:checked').click(); {lines}") == before - 1
        asked = [address for address in browser.requests if not address.startswith(("data:", "file:"))]
        assert (browser.faults, asked) == ([], [])


@pytest.mark.skipif(not chromium.AXE.is_file(), reason="no axe-core here: .ci/install-axe")
def test_the_page_has_no_serious_fault_of_accessibility(page: Path, tmp_path: Path) -> None:
    """axe-core's rules, with every folded part open, in light and dark at both widths."""
    with chromium.browsing(tmp_path / "profile") as browser:
        for width, dark in product((1400, 420), (False, True)):
            browser.open(page, width, dark=dark)
            browser.until("document.documentElement.classList.contains('ready')")
            found = browser.violations()
            assert [one for one in found if one[1] in ("serious", "critical")] == []
            assert "landmark-unique" not in [name for name, *_ in found]  # two tables of one name
        browser.ask("document.body.append(document.createElement('img'))")  # the rules do find what is wrong
        assert "image-alt" in [name for name, *_ in browser.violations()]


@pytest.mark.parametrize("width", [1400, 900, 640, 420])
def test_a_table_that_is_too_wide_hides_no_column(tmp_path: Path, width: int) -> None:
    """Many scores, long ids, long words: its rows become blocks, at any width; a table that fits stays one."""
    ids = [f"K562ABC_chr20_{number}_{number + 600}" for number in (4_081_988, 5_128_105)]
    scores = [f"attention {number} / distance" for number in range(14)]
    wide = [
        [TableCell(name), *(TableCell("0.00171", "[0.0001, 0.0024]", numeric=True) for _ in scores)] for name in ids
    ]
    long = [[TableCell("K562"), TableCell("13,762", "X" * 60 + ", " + "Y" * 60, numeric=True)]]
    few = [[TableCell("a"), TableCell("1", numeric=True)]]
    tables = [Table("Wide", ["Element", *scores], wide), Table("Long", ["Cell", "Other names"], long),
              Table("Few", ["Name", "Value"], few), Table("More", ["Element", *scores], wide, folded=True)]  # fmt: skip
    path = tmp_path / "page.html"
    path.write_text(html.render(Page("Wide", "", [], [], [Section("wide", "Wide", tables)], "0")))
    with chromium.browsing(tmp_path / "profile") as browser:
        browser.open(path, width)
        small = width <= 560  # where all are blocks, also without scripts
        browser.until(f"{str(small).lower()} || document.querySelector('.stacked')")
        browser.ask("document.querySelector('details').open = true")
        browser.until(f"{str(small).lower()} || document.querySelector('details .stacked')")
        hidden = "[...document.querySelectorAll('.table')].filter((one) => one.scrollWidth > one.clientWidth + 1)"
        assert browser.ask(f"{hidden}.map((one) => one.ariaLabel)") == []
        outside = "[...document.querySelectorAll('td')].filter((one) => one.getBoundingClientRect().right > innerWidth)"
        assert browser.ask(f"{outside}.length") == 0
        assert not browser.ask("document.querySelectorAll('.table')[2].classList.contains('stacked')")
        assert browser.ask("document.querySelector('tbody th').textContent") == ids[0]
        assert browser.faults == []


def test_what_is_typed_takes_the_place_of_the_gene_that_is_shown(page: Path, tmp_path: Path) -> None:
    with chromium.browsing(tmp_path / "profile") as browser:
        browser.open(page, 1400)
        browser.until("document.documentElement.classList.contains('ready')")
        assert browser.ask("$('gene-name').value")
        browser.ask("$('gene-name').scrollIntoView({block: 'center', behavior: 'instant'})")
        x, y = browser.ask("(([box]) => [box.x + 20, box.y + 8])($('gene-name').getClientRects())")
        for what in ("mousePressed", "mouseReleased"):
            browser.call("Input.dispatchMouseEvent", type=what, x=x, y=y, button="left", clickCount=1)
        browser.call("Input.insertText", text="name94")
        assert browser.ask("$('gene-name').value") == "name94"


def test_all_is_reached_by_keyboard_and_fits_on_paper(page: Path, tmp_path: Path) -> None:
    with chromium.browsing(tmp_path / "profile") as browser:
        browser.open(page, 1400)
        browser.until("document.documentElement.classList.contains('ready')")
        browser.until("document.querySelectorAll('.locus svg rect').length > 3")
        reached = browser.tabbed(120)
        wanted = ["A # genes of A", "A # Find a gene", "INPUT #gene-name", "BUTTON # Find", "BUTTON # +"]
        wanted += ["BUTTON # whole", "BUTTON # Distance", "SUMMARY # The 50 strongest", "SELECT #scatter-cell"]
        wanted += ["INPUT #curves"]
        assert [what for what in wanted if not any(one.startswith(what) for one in reached)] == [], reached
        browser.print_like(720)  # A4 within its margins
        tables = "[...document.querySelectorAll('.table')]"
        wide = f"{tables}.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.ariaLabel)"
        assert browser.ask(wide) == []
        bars = "[...document.querySelectorAll('.locus svg line.bar')]"
        assert browser.ask(f"{bars}.length > 1 && {bars}.every((one) => getComputedStyle(one).display != 'none')")
        assert browser.ask("getComputedStyle(document.querySelector('div.bar')).display") == "none"


def test_without_scripts_the_page_can_be_read(page: Path, tmp_path: Path) -> None:
    assert ODD not in page.read_text()
    with chromium.browsing(tmp_path / "profile") as browser:
        browser.open(page, 1400, scripts=False)

        def until(test: str) -> None:  # the page's own clock stands still without scripts
            assert any(browser.ask(f"Boolean({test})") or time.sleep(0.1) for _ in range(100)), test

        until("document.readyState == 'complete' && document.querySelector('footer')")
        assert not browser.ask("document.documentElement.classList.contains('scripted')")  # none ran
        assert browser.ask("getComputedStyle(document.querySelector('#finder')).display") == "none"
        told = browser.ask("document.querySelector('#find').innerText")
        assert "With scripts switched on, any gene can be looked up here." in told
        loci = "[...document.querySelectorAll('#locus img')]"
        assert browser.ask(f"{loci}.length") == 6
        until(f"{loci}.every((one) => one.naturalWidth > 300)")
        labels = browser.ask("document.querySelector('#locus').innerText")
        assert labels.count("among the best") == labels.count("among the worst") == 3
        assert browser.ask("document.querySelectorAll('#figure-precision-recall img').length") == 1
        assert browser.ask("getComputedStyle(document.querySelector('#figure-precision-recall')).display") != "none"
