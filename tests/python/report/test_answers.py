"""The tables of --explain on the page: which rows, in which unit, by which model, and what is left to the files."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import answers_case
from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.report import logos, style
from crexpress.report.page import Picture, Table, Text
from crexpress.report.parts import explained
from crexpress.report.study import Study
from report_case import Run, invoke


def tables(run: Run, words: tuple[str, ...] = (), **files: list[Path]) -> list[Table]:
    section = explained.section(Study(run.inputs(explained=files), run.folder / "figures", explained=words))
    assert section is not None
    return [block for block in section.blocks if isinstance(block, Table)]


def texts(table: Table) -> list[list[str]]:
    """The words of each cell, with hyphens for minus signs."""
    words = [[" ".join(filter(None, (cell.text, cell.small))) for cell in row] for row in table.rows]
    plain = str.maketrans({style.MINUS: "-", style.DASH: "none", "\u00a0": " "})
    return [[text.translate(plain) for text in row] for row in words]


def test_contributions_are_a_row_a_link_that_sums_to_its_effect(run: Run, tmp_path: Path) -> None:
    links, factors = tables(run, contributions=[answers_case.contributions(run, tmp_path)])
    assert list(links.columns) == ["Gene", "Element", "Sum", "Tracks", "Bases", "Motifs", "The gene's own profile"]
    first, second = texts(links)
    assert first[2:] == ["+0.500", "H3K27ac +0.250, DNase +0.100", "-0.050", "GATA1 +0.150, SPI1 -0.040",
                         "DNase +0.090"]  # fmt: skip
    assert second[2:] == ["-0.020", "H3K27ac +0.010", "0.000", "GATA1 -0.050, SPI1 +0.020", "none"]
    assert links.rows[0][0].gene == first[0]  # leads to the gene in "Find a gene"
    assert "The 2 links asked for, by scpge-small, seed 1." in links.caption
    assert "in log10(1 + TPM)" in links.caption
    assert texts(factors) == [
        ["GATA1 M1", "+0.0500", "1 of 2", "1.50"],
        ["SPI1 M2", "-0.0100", "1 of 2", "0.10 below 1 TPM"],
    ]


def test_the_strongest_links_are_drawn_where_the_logos_are_of_one_model(run: Run, tmp_path: Path) -> None:
    path = answers_case.contributions(run, tmp_path)
    links = artifacts.read_table(path, "contributions")[0].select("gene_name", "element_id").unique(maintain_order=True)
    folders = [tmp_path / "logos.A", tmp_path / "2/logos.A"]
    for folder in folders:
        folder.mkdir(parents=True)
        for link in links.iter_rows(named=True):
            (folder / f"{logos.name_of(link)}.svg").write_text(f"<svg>{link['gene_name']}</svg>")

    def drawn(given: list[Path]) -> list[bytes]:
        inputs = run.inputs(explained={"contributions": [path]}, logos=given)
        section = explained.section(Study(inputs, run.folder / "figures"))
        assert section is not None
        return [block.svg for block in section.blocks if isinstance(block, Picture)]

    assert drawn(folders[:1]) == [f"<svg>{name}</svg>".encode() for name in links["gene_name"]]
    assert not drawn(folders)  # of two seeds: their tables are of the first, and no figure says which is its own
    with pytest.raises(InputError, match="is no folder logos"):
        drawn([tmp_path])


def test_of_an_edit_the_gene_that_it_changes_most_is_shown(run: Run, tmp_path: Path) -> None:
    [table] = tables(run, variants=[answers_case.variants(run, tmp_path)])
    names = run.genes["gene_name"].to_list()
    rows = texts(table)
    assert [row[0] for row in rows] == [
        "chr1:2,001-2,500 deleted",
        "rs1 A > G, chr1:1,000",
        "chr1:4,001-4,300 dnase=2.5",
        "E9 element taken away, chr1:3,001-3,300",
    ]
    assert [row[1] for row in rows] == [names[2], f"{names[1]} and 1 more, changed less", names[0], names[0]]
    # a fall by 0.301 halves 1 + TPM
    assert [row[5] for row in rows] == ["-0.301 -50.0 %", "-0.020 -4.5 %", "+0.003 +0.7 %", "0.000 +0.092 %"]
    assert "together they reach 3 genes" in table.caption
    assert "below it the change of 1 + TPM in percent" in table.caption
    assert "not what was measured" in table.caption


def test_several_seeds_are_shown_by_their_mean_with_its_spread(run: Run, tmp_path: Path) -> None:
    files = []
    for number, models in enumerate((1, 3)):  # the first seed's own, and all together
        (tmp_path / str(number)).mkdir()
        files.append(answers_case.variants(run, tmp_path / str(number), models))
    [table] = tables(run, variants=files)
    assert texts(table)[0][5] == "-0.301 ± 0.005; -50.0 %"
    assert "of scpge-small, before and after" in table.caption
    assert "mean of 3 models, ± their standard deviation" in table.caption
    with pytest.raises(InputError, match="both hold cell A by the same model"):
        tables(run, variants=[files[0], files[0]])


def test_an_effect_in_another_unit_is_no_percentage_of_tpm(run: Run, tmp_path: Path) -> None:
    [table] = tables(run, variants=[answers_case.variants(run, tmp_path, unit="log10(1 + counts)")])
    assert texts(table)[0][5] == "-0.301"
    assert "TPM" not in table.caption
    assert "log10(1 + counts)" in table.caption


def test_motifs_are_told_with_their_share_and_how_many_are_enriched(run: Run, tmp_path: Path) -> None:
    first = answers_case.motifs(run, tmp_path)
    [table] = tables(run, enriched_motifs=[first])
    assert texts(table) == [
        ["GATA1 M1", "40.0 %", "10.0 %", "6.00", "2e-08", "1.50"],
        ["SPI1 M2", "10.0 %", "10.0 %", "1.00", "0.9", "none"],
    ]
    assert table.caption.startswith("1 of 2 motifs, of 1 family of motifs alike, are enriched at q < 0.05")
    (tmp_path / "seed2").mkdir()  # the links of two seeds: the first is shown
    assert len(tables(run, enriched_motifs=[answers_case.motifs(run, tmp_path / "seed2", seed=2), first])) == 1


def test_of_each_position_the_change_that_matters_most_is_shown(run: Run, tmp_path: Path) -> None:
    [table] = tables(run, mutations=[answers_case.mutations(run, tmp_path)])
    name = run.genes["gene_name"][0]
    assert texts(table) == [[name, "E1", "chr1:100 A > C", "-0.200"], [name, "E1", "chr1:121 T > G", "+0.050"]]
    assert table.caption.startswith("Of 3 changes of one base, in the elements of 1 link, the 2 positions")
    assert "by scpge-small, seed 1" in table.caption


def test_active_elements_are_counted_by_class_against_all_in_reach(run: Run, tmp_path: Path) -> None:
    first = answers_case.active(run, tmp_path)
    (tmp_path / "seed2").mkdir()  # the links of two seeds: the first is shown
    [table] = tables(run, active=[answers_case.active(run, tmp_path / "seed2", seed=2), first])
    # odds with half a link more in each count: (2.5 / .5) x (1.5 / .5), and the other way round
    assert [row[:4] for row in texts(table)] == [["pELS", "2", "100.0 %", "66.7 %"], ["dELS", "0", "0.0 %", "33.3 %"]]
    assert [row[4].split()[0] for row in texts(table)] == ["15.00", "0.07"]
    assert table.caption.startswith("2 of 3 links are active, of 1 of 1 genes")
    assert "whose silencing lowers it most, by scpge-small, seed 1" in table.caption


def test_genes_that_are_wrongly_predicted_are_named(run: Run, tmp_path: Path) -> None:
    [table] = tables(run, categories=[answers_case.categories(run, tmp_path)])
    first, second = run.genes["gene_name"][:2]
    assert texts(table) == [
        ["TP predicted rightly high", "1", "2.50", "2.60", "none"],
        ["FN predicted low, though measured high", "2", "0.20", "2.50", f"{second}, {first}"],
        ["FP predicted high, though measured low", "0", "none", "none", "none"],
        ["TN predicted rightly low", "0", "none", "none", "none"],
    ]
    assert table.caption.startswith("Test genes that are both predicted, by scpge-small, seed 1, and measured: 4.")


def test_pairs_are_told_with_each_alone_their_sum_and_what_both_do(run: Run, tmp_path: Path) -> None:
    [table] = tables(run, pairs=[answers_case.pairs(run, tmp_path)])
    assert list(table.columns) == ["Gene", "Elements", "Each alone", "Sum", "Both", "Difference"]
    rows = texts(table)
    assert [row[2:] for row in rows] == [
        ["+0.100 and +0.200", "+0.300", "+0.700", "+0.400"],
        ["+0.100 and +0.050", "+0.150", "+0.110", "-0.040"],
        ["+0.200 and +0.050", "+0.250", "+0.250", "0.000"],
    ]
    assert rows[0][1].startswith("E1 and E2 ")
    assert table.caption.startswith(
        "Of 3 pairs of elements of 1 gene those whose effects add up least, 12 of each, by scpge-small"
    )
    assert "in log10(1 + TPM)" in table.caption


def test_clusters_are_drawn_and_told_by_their_classes(run: Run, tmp_path: Path) -> None:
    path = answers_case.embedding(run, tmp_path)
    section = explained.section(Study(run.inputs(explained={"embedding": [path]}), tmp_path / "figures"))
    assert section is not None
    picture, table = (block for block in section.blocks if isinstance(block, Picture | Table))
    assert isinstance(picture, Picture)
    assert b"UMAP 1" in picture.svg
    assert "8 elements of A, by what the network of scpge-small, seed 1 makes of each" in picture.caption
    assert isinstance(table, Table)
    assert texts(table) == [
        ["0", "4 50.0 %", "pELS 75.0 %, dELS 25.0 %", "pELS 2.0 times its share of all"],
        ["1", "4 50.0 %", "dELS 100.0 %", "dELS 1.6 times its share of all"],
    ]


def test_what_a_gene_attends_to_stands_beside_what_silencing_does(run: Run) -> None:
    inputs = run.inputs()
    name, links = inputs.genes.data["gene_name"][3], inputs.links["A"]
    table = links.data.with_columns(perturbation=(pl.col("distance") % 7).cast(pl.Float32))
    both = replace(inputs, links={"A": replace(links, data=table)})
    section = explained.section(Study(both, run.folder / "figures", attended=[name]))
    assert section is not None
    [shown] = [block for block in section.blocks if isinstance(block, Table)]
    assert list(shown.columns) == ["Gene", "Element", "Attention", "Fall when silenced"]
    own = table.filter(pl.col("gene_name") == name)
    best = own.sort("attention", descending=True, maintain_order=True).head(5)
    assert [row[1].text for row in shown.rows] == best["element_id"].to_list()
    assert [row[2].small for row in shown.rows] == [f"rank {place}" for place in range(1, len(best) + 1)]
    falls = [row[3].text for row in shown.rows]
    assert falls == [style.signed(value, 3) for value in best["perturbation"]]
    strongest = own["perturbation"].arg_max()
    [place] = [row[3].small for row in shown.rows if row[1].text == own["element_id"][strongest]]
    assert place == f"rank 1 of {len(own)}"

    section = explained.section(Study(inputs, run.folder / "figures", attended=[name]))
    assert section is not None
    [shown] = [block for block in section.blocks if isinstance(block, Table)]
    assert list(shown.columns) == ["Gene", "Element", "Attention"]  # of links without perturbation
    assert explained.section(Study(replace(inputs, links={}), run.folder / "figures", attended=[name])) is None


def test_the_page_of_the_tool_has_the_tables_and_says_which_answers_are_in_files(run: Run, tmp_path: Path) -> None:
    words = ["--explained", "contributions,variants,motifs,attention"]
    done = invoke(*run.arguments(tmp_path / "out"), *answers_case.options(run, tmp_path), *words)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "report.html").read_text()
    part = page.split('<section id="explained">')[1].split("</section>")[0]
    assert part.count("<h3>") == 8
    for words_of in ("What contributes to genes: A", "What edits change: A", "Motifs of active elements: A",
                     "chr1:2,001-2,500", "map-attention/"):  # fmt: skip
        assert words_of in part
    assert "variants.A.parquet" in page.split('<section id="files"')[-1]  # among the files that it is made of


def test_no_edit_that_reaches_a_gene_is_said(run: Run, tmp_path: Path) -> None:
    path = answers_case.variants(run, tmp_path)
    frame, header = artifacts.read_table(path, "variants")
    artifacts.write_table(path, frame.clear(), header)
    inputs = run.inputs(explained={"variants": [path]})
    section = explained.section(Study(inputs, run.folder / "figures"))
    assert section is not None
    assert Text("No edit touches an element that a gene sees.") in section.blocks
