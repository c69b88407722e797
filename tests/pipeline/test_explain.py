"""All parts of --explain in one small run on real sequence; what they write opens in the programs that read such files.

The model is a tiny one of 20 steps: what is told of it here is whether all goes through, not whether it is true.
"""

import gzip
import json
from importlib.util import find_spec
from pathlib import Path

import anndata
import bioframe
import matplotlib.image
import numpy as np
import polars as pl
import pyBigWig
import pysam
import pytest

from crexpress.core import artifacts
from launching import ROOT, Pipeline
from tools import run

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.scale,
]  # minutes: `make test-scale`; each tool has quick tests of its own
CHR20 = ROOT / "assets/chr20"
GENES, TRACKS = ("PCNA", "NOP56"), ("dnase", "h3k27ac", "h3k4me3", "ctcf")
WORDS = ("contributions", "motifs", "variants", "attention", "active", "categories", "embeddings", "mutations",
         "together")  # fmt: skip
PRESET = {
    "description": "reads bases, motifs, tracks and the gene's profile, as small as can be",
    "inputs": {"bin_size": 40, "neighbours": 20, "stranded": True},
    "encoder": {"channels": 8, "sequence_kernel": 9, "sequence_pool": 0, "signal_kernel": 15, "signal_pool": 0,
                "tower_kernels": []},
    "mixer": {"width": 16, "layers": 2, "heads": 2, "hidden": 16},
    "position": {"kind": "bp", "buckets": 16, "decay": 1.0},
    "profile": {"width": 16},
    "training": {"steps": 20, "batch_size": 32, "learning_rate": 0.002, "validate_every": 20},
}  # fmt: skip


def variants(path: Path, count: int) -> Path:
    """A VCF that changes the middle base of the first cCREs, the reference allele that of the FASTA."""
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    fasta, bed = next(CHR20.glob("*.fa.gz")), next(CHR20.glob("*elements*.bed.gz"))
    other = str.maketrans("ACGT", "CATG")
    with pysam.FastaFile(str(fasta)) as bases, gzip.open(bed, "rt") as places:
        for number, line in zip(range(count), places, strict=False):
            chrom, start, end = line.split()[:3]
            middle = (int(start) + int(end)) // 2
            ref = bases.fetch(chrom, middle, middle + 1).upper()
            lines.append(f"{chrom}\t{middle + 1}\trs{number}\t{ref}\t{ref.translate(other)}\t.\t.\t.")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(pipeline: Pipeline) -> Path:
    (pipeline.folder / "small.json").write_text(json.dumps(PRESET))
    variants(pipeline.folder / "few.vcf", 30)
    (pipeline.folder / "genes.txt").write_text("# of the region\n" + "".join(f"{gene} chr20\n" for gene in GENES))
    asked = ("--explain", ",".join(WORDS), "--genes", "genes.txt", "--explain_top", "2", "--variants", "few.vcf",
             "--more_scores", "--also_scores", "rollout, shuffled,tracks,saliency")  # fmt: skip
    less = pipeline.folder / "less.config"  # figures, which take minutes
    less.write_text("process { withName: ATTRIBUTE { ext.args = '--logos 2' } }\n")
    pipeline.run("-profile", "chr20", "--preset", "small.json", *asked, "--outdir", "out", "-c", less)
    return pipeline.folder / "out"


def is_whole(values: np.ndarray) -> bool:
    return bool(values.size) and bool(np.isfinite(values).all())


def opened(folder: Path, kind: str) -> pl.DataFrame:
    """The table of a kind below a folder, checked by its schema; no number in it is NaN or infinite."""
    [path] = [path for path in folder.rglob("*.parquet") if (artifacts.read_header(path) or {}).get("kind") == kind]
    table, _ = artifacts.read_table(path, kind)
    assert len(table), path
    for column in table.select(pl.col(pl.Float32, pl.Float64)):
        assert column.drop_nulls().is_finite().all(), (path, column.name)
    return table


def contributions_open(folder: Path, logos: int) -> None:
    """bigWigs in pyBigWig, TF-MoDISco's inputs in numpy, logos as pictures."""
    links = opened(folder, "attributed")
    assert links["effect"].abs().min() > 0
    bigwigs = sorted(folder.glob("contributions.K562.*.bw"))
    assert {path.name.split(".")[2] for path in bigwigs} == {*TRACKS, "sequence", "motif_bases"}
    for path in bigwigs:
        with pyBigWig.open(str(path)) as file:
            assert list(file.chroms()) == ["chr20"]
            values = np.array([value for *_, value in file.intervals("chr20")])
            assert is_whole(values), path
            assert np.abs(values).max() > 0 or path.name.split(".")[2] in TRACKS, path  # which may be 0 there
    bases, scores = (np.load(folder / f"modisco.K562/{name}.npz")["arr_0"] for name in ("ohe", "shap"))
    assert bases.shape == scores.shape == (len(links), 4, 600)
    assert is_whole(scores)
    pictures = [matplotlib.image.imread(path) for path in (folder / "logos.K562").glob("*.png")]
    assert len(pictures) == logos
    assert all(picture.std() > 0 for picture in pictures)


def test_contributions_variants_and_motifs_open_in_their_readers(folder: Path) -> None:
    explained = folder / "explained"
    contributions_open(explained, 2)
    assert set(opened(explained, "attributed")["gene_name"]) == set(GENES)
    assert set(opened(explained, "contributions")["kind"]) == {"sequence", "track", "motif", "profile"}
    assert opened(explained, "variants")["name"].str.contains(r"^rs\d+$").all()
    lines = (explained / "variants.K562.txt").read_text().splitlines()
    assert {len(line.split("\t")) for line in lines if not line.startswith("##")} == {14}  # VEP's columns
    motifs = opened(explained, "enriched_motifs")
    assert len(motifs) == 600
    with pysam.FastxFile(str(explained / "motifs.K562/active.fa")) as file:
        assert {len(record.sequence) for record in file} == {600}


def test_the_report_shows_the_largest_answers(folder: Path) -> None:
    part = (folder / "report.html").read_text().split('<section id="explained">')[1].split("</section>")[0]
    for title in ("What contributes to genes", "What edits change", "Bases whose change matters most",
                  "Active elements", "Motifs of active elements", "Genes rightly and wrongly predicted",
                  "Elements silenced together", "What genes attend to",
                  "Elements as the network sees them"):  # fmt: skip
        assert f"<h3>{title}: K562</h3>" in part
    logos = [*(folder / "explained/logos.K562").glob("*.svg")]
    assert (part.count("<figure"), len(logos)) == (3, 2)  # and the map of elements
    effects = opened(folder / "explained", "variants").sort(pl.col("effect").abs(), descending=True)
    assert f">{effects['name'][0]} <small>" in part
    best = opened(folder / "explained", "attributed").sort(pl.col("effect").abs(), descending=True)
    assert f">{best['element_id'][0]} <small>" in part


def test_attention_active_elements_and_categories_open_in_their_readers(folder: Path) -> None:
    for gene in GENES:
        own = np.load(folder / f"map-attention/attention.K562.{gene}.npz")["probability"]
        assert own.shape == (21, 21)
        np.testing.assert_allclose(own.sum(1), 1, atol=1e-5)
    assert opened(folder / "find-active", "active")["active"].sum() > 100
    categories = opened(folder / "classify-genes", "categories")
    assert {"TP", "TN"} <= set(categories["category"])
    for name in ("find-active/active_classes.K562", "classify-genes/category_tracks.K562"):
        table = pl.read_csv(folder / f"{name}.tsv", separator="\t")
        assert len(table)
        assert matplotlib.image.imread(folder / f"{name}.png").std() > 0


def test_embeddings_mutations_and_pairs_open_in_their_readers(folder: Path) -> None:
    links = opened(folder / "links", "links")
    assert {"attention_logit", "perturbation_ratio", "attention_rollout", "perturbation_shuffled", "saliency"} <= set(
        links.columns
    )
    for name, count in (("elements", links["element"].n_unique()), ("genes", 105)):
        data = anndata.read_h5ad(folder / f"embed/{name}.K562.h5ad")
        assert len(data) == count
        assert is_whole(data.X)
        assert is_whole(data.obsm["X_umap"])
        if find_spec("scanpy"):
            import scanpy

            again = scanpy.read_h5ad(folder / f"embed/{name}.K562.h5ad")
            scanpy.pp.neighbors(again, use_rep="X_pca")
            assert again.obsp["distances"].shape == (count, count)
    mutations = opened(folder / "mutate-elements", "mutations")
    assert mutations.group_by("gene_name", "element_id").len()["len"].to_list() == [1800, 1800]
    assert len(list((folder / "mutate-elements/mutations.K562").glob("*.png"))) == 2
    for name in ("windows", "pairs"):
        table = pl.read_csv(folder / f"silence-together/{name}.K562.tsv", separator="\t")
        assert set(table["gene_name"]) == set(GENES)
        assert is_whole(table.select(pl.col(pl.Float64)).to_numpy())


def test_the_ten_best_links_of_the_case(folder: Path, tmp_path: Path) -> None:
    """By tool, of the run's own artefacts: their contributions, logos, mutations, and places as browsers read them."""
    given = ["--study", folder, "--model", folder / "model", "--motif-file", next(CHR20.glob("*.meme")), "--threads", 1]
    for tool, count in (("attribute", 10), ("mutate-elements", 10)):
        done = run(tool, *given, "--top", count, "--outdir", tmp_path)
        assert done.exit_code == 0, done.output
    contributions_open(tmp_path, 10)
    best = opened(folder / "links", "links").sort("perturbation", descending=True, maintain_order=True).head(10)
    told = opened(tmp_path, "attributed")
    assert told.select("gene_id", "element").rows() == best.select("gene_id", "element").rows()
    np.testing.assert_allclose(told["effect"], best["perturbation"], atol=1e-5)
    mutations = opened(tmp_path, "mutations").select("gene_id", "element_id").unique(maintain_order=True)
    assert mutations.equals(best.select("gene_id", "element_id"))

    shown = ["--score", "perturbation", "--top", 10, "--formats", "bed,bedpe"]
    links = folder / "links" / "links.K562.parquet"
    done = run("export-links", "--study", folder, "--links", links, *shown, "--outdir", tmp_path)
    assert done.exit_code == 0, done.output
    pairs = bioframe.read_table(tmp_path / "links.K562.bedpe.gz", schema="bedpe", comment="#")
    places = best.select("chrom", "start", "end", "tss").rows()
    assert set(places) <= set(zip(*(pairs[name] for name in ("chrom1", "start1", "end1", "start2")), strict=True))
    bed = bioframe.read_table(tmp_path / "elements.K562.bed.gz", schema="bed9")
    found = bioframe.overlap(best.select("chrom", "start", "end").to_pandas(), bed, how="inner")
    assert set(best["start"]) == set(found["start"])
