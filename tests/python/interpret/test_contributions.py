"""Contributions of single inputs: those of captum on the whole model, complete, and of the strand of the genome.

Above 300 lines: all are held against one model and one run of captum, which take longest.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyBigWig
import pytest
import torch
from captum.attr import IntegratedGradients
from tangermeme.deep_lift_shap import deep_lift_shap

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.formats import text_files
from crexpress.interpret.chosen import Pairs, asked_pairs, element_rows, pairs, strongest
from crexpress.interpret.contributions import contributions, gradients, require_complete
from crexpress.interpret.link_view import LinkView
from crexpress.interpret.links import link_table
from crexpress.models.inputs import Features, one_hot
from crexpress.prepare import asked_genes
from crexpress.prepare.genes import gene_digest
from crexpress.report.logos import link_figure
from interpret_case import make, with_profiles
from tiny_case import TinyCase
from tools import run


@pytest.fixture(scope="module")
def folder(tiny: TinyCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_profiles(tiny, tmp_path_factory.mktemp("contributions"))


def some(store: Any) -> Pairs:
    """All that three genes see."""
    return pairs(store, np.array([3, 50, 100]), None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "more"),
    [
        ("scpge-small", {"profile_width": 0}),
        ("scpge-small", {"profile_width": 16}),
        ("crexpress-small", {}),
        ("creator-small", {"window": 0, "heads_encoder": 2, "layers_encoder": 1}),
    ],
)
def test_they_are_captums_own_on_the_whole_model(
    tiny: TinyCase, folder: Path, preset: str, more: dict[str, int]
) -> None:
    model, store = make(tiny, folder, preset, stranded=False, **more)
    asked = Pairs(np.array([50, 50]), np.array([1, 2]))
    link = torch.arange(2)
    view = LinkView(model, store, 0, asked)
    slopes = gradients(view, view.silent, link, 32, 1000)
    batch = store.batch(np.zeros(1, np.int64), np.array([50]))
    features = batch.features
    for number, column in enumerate(asked.column):
        row = int(batch.token[0, column])

        def whole(*parts: torch.Tensor, place: int = row) -> torch.Tensor:
            expression = []
            for bases, signals, motifs, *profile in zip(*parts, strict=True):
                changed = [one_hot(features.codes), features.signals.clone(), features.motifs.clone()]
                for part, value in zip(changed, (bases, signals, motifs), strict=True):
                    part[place] = value
                seen = batch._replace(features=Features(changed[1], features.present, changed[0], changed[2]))
                if batch.profile is not None:
                    seen = seen._replace(profile=batch.profile._replace(values=profile[0].unsqueeze(0)))
                expression.append(model(seen).expression)
            return torch.cat(expression)

        own = [one_hot(features.codes), features.signals, features.motifs]
        own = [part[row : row + 1] for part in own]
        silent = [torch.zeros_like(part) for part in own]
        if batch.profile is not None:
            assert batch.profile.values.isfinite().all()
            own.append(batch.profile.values)
            silent.append(view.silent.profile[number : number + 1])
            assert (own[3] != silent[3]).any() == (number == 1)  # of the second element alone the profile has a part
        expected = IntegratedGradients(whole).attribute(tuple(own), tuple(silent), n_steps=32, method="gausslegendre")
        for part, mean, value, start in zip(expected, slopes, own, silent, strict=False):
            found = mean[number] * (value - start)[0]
            torch.testing.assert_close(found.double(), part[0].double(), atol=1e-5, rtol=0)


def test_they_sum_to_the_perturbation_of_the_link_its_part_of_the_profile_included(
    tiny: TinyCase, folder: Path
) -> None:
    model, store = make(tiny, folder)
    asked = some(store)
    found = list(contributions(model, store, 0, asked))
    links = link_table(model, store, 0, 200_000)
    effect = {
        (gene, element): value for gene, element, value in links["gene_id", "element", "perturbation"].iter_rows()
    }
    for part in found:
        total = (part.bases * part.hypothetical).sum((1, 2)) + sum(
            values.reshape(len(values), -1).sum(1) for values in (part.signals, part.motifs, part.profile)
        )
        assert np.median(np.abs(total - part.effect) / np.abs(part.effect)) < 0.01
        for number, (gene, element) in enumerate(zip(part.pairs.gene, part.element, strict=True)):
            key = (store.genes["gene_id"][int(gene)], int(element))
            if key in effect:  # not of the gene's own window
                assert part.effect[number] == pytest.approx(effect[key], abs=1e-5)
            assert part.error[number] <= 0.01 or part.steps[number] == 512


def test_gradients_are_those_of_finite_differences(tiny: TinyCase, folder: Path) -> None:
    model, store = make(tiny, folder)
    torch.nn.init.normal_(model.gene.bias)  # no value stands where a rectifier bends
    view = LinkView(model, store, 0, Pairs(np.array([50]), np.array([1]))).double()
    vectors, distance, own = view.tokens.vectors.double(), view.tokens.distance.double(), view.tokens.profile
    assert own is not None
    own = own._replace(values=own.values.double(), about=own.about.double())
    view.tokens = view.tokens._replace(vectors=vectors, distance=distance, profile=own)
    link = torch.zeros(1, dtype=torch.long)
    inputs = [part.double().contiguous().requires_grad_() for part in view.inputs]
    slopes = torch.autograd.grad(view(*inputs, link).sum(), inputs)
    rng, step = np.random.default_rng(0), 1e-5
    for kind, slope in enumerate(slopes):
        for place in rng.integers(0, slope.numel(), 5):
            ends = []
            for sign in (1, -1):
                moved = [part.detach().clone() for part in inputs]
                moved[kind].view(-1)[place] += sign * step
                ends.append(float(view(*moved, link).detach()))
            expected = (ends[0] - ends[1]) / (2 * step)
            assert float(slope.reshape(-1)[place]) == pytest.approx(expected, abs=1e-7, rel=1e-3)


@pytest.mark.slow
def test_deeplifts_rules_do_not_hold_for_these_models(tiny: TinyCase, folder: Path) -> None:
    """Why it is not offered (docs/science.md): it does not add up to the effect."""
    model, store = make(tiny, folder, "scpge-small", profile_width=0)
    view = LinkView(model, store, 0, Pairs(np.array([50, 50, 51]), np.array([1, 3, 1])))

    class OfBases(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.view = view  # whose layers it hooks

        def forward(self, bases: torch.Tensor, signals: torch.Tensor, motifs: torch.Tensor, link: torch.Tensor
                    ) -> torch.Tensor:  # fmt: skip
            link = link.long()  # which comes as the bases' type
            return view(bases, signals, motifs, view.inputs.profile[link], link).unsqueeze(1)

    link = torch.arange(3)
    torch.use_deterministic_algorithms(False)  # which tools that ran before may have asked for: its rules have none
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of just this
        found = deep_lift_shap(OfBases(), view.inputs.bases, args=(view.inputs.signals, view.inputs.motifs, link),
                               references=view.silent.bases.unsqueeze(1), device="cpu")  # fmt: skip
    ends = [view.of(view.inputs._replace(bases=bases), link, 3) for bases in (view.inputs.bases, view.silent.bases)]
    effect = ends[0] - ends[1]
    error = (found.flatten(1).sum(1) - effect).abs() / effect.abs()
    assert error.median() > 0.5  # about as much as the effect itself, far beyond what is refused of other methods


@pytest.mark.parametrize(("error", "said"), [(0.005, ""), (0.02, "miss the effect that they should sum to by 2.0%")])
def test_contributions_that_do_not_sum_are_told_and_beyond_that_refused(
    capsys: pytest.CaptureFixture[str], error: float, said: str
) -> None:
    weak = np.full(3, 1e-4)  # effects that are not noticeable
    require_complete(np.full(3, error), weak, "integrated gradients")
    written = capsys.readouterr().err
    assert said in written
    assert bool(written) == bool(said)
    with pytest.raises(InputError, match=r"by 6.0% in the median, above 5%, .*; they say nothing of this model"):
        require_complete(np.full(3, 0.06), weak, "integrated gradients")


def test_many_weak_links_do_not_vouch_for_the_strong(capsys: pytest.CaptureFixture[str]) -> None:
    errors, effects = np.array([0.0] * 9 + [0.004, 0.002, 0.4]), np.array([1e-4] * 9 + [0.5, 0.4, 0.3])
    require_complete(errors, effects, "integrated gradients")
    said = "contributions of 1 of 3 links with an effect of 0.01 or more miss it by more than 5%, at most by 40%"
    assert said in capsys.readouterr().err
    with pytest.raises(InputError, match=r"miss the effect that they should sum to by 40.0% in the median"):
        require_complete(errors[8:].clip(0.4), effects[8:], "integrated gradients")


@pytest.mark.slow
def test_shuffled_backgrounds_explain_the_bases_alone(tiny: TinyCase, folder: Path) -> None:
    model, store = make(tiny, folder, profile_width=0)
    asked = Pairs(np.array([50, 51]), np.array([1, 2]))
    first, again = (next(contributions(model, store, 0, asked, "shuffled", 3, seed=4)) for _ in range(2))
    np.testing.assert_array_equal(first.hypothetical, again.hypothetical)
    assert not first.signals.any()
    assert not first.motifs.any()
    total = (first.bases * first.hypothetical).sum((1, 2))
    # the background's own contributions are not in it: what a base adds against the shuffled ones is
    np.testing.assert_allclose(total, first.effect, atol=0.05 * np.abs(first.effect).max() + 1e-5)
    other = next(contributions(model, store, 0, asked, "shuffled", 3, seed=5))
    assert not np.array_equal(first.hypothetical, other.hypothetical)


def test_windows_of_minus_strand_genes_are_turned_to_the_plus_strand(tiny: TinyCase, folder: Path) -> None:
    """A gene on minus, seen by a stranded model: bases are those of the genome."""
    genes, header = artifacts.read_table(tiny.genes, "genes")
    genes = genes.with_columns(strand=pl.lit("-"))
    path = folder / "minus.parquet"
    artifacts.write_table(path, genes, header | {"genes": gene_digest(genes)})
    model, store = make(tiny, folder, profile_width=0, genes=path, stranded=True)
    found = next(contributions(model, store, 0, Pairs(np.array([50]), np.array([2]))))
    codes = artifacts.open_arrays(tiny.sequence, "sequence").tensors["codes"][int(found.element[0])]
    np.testing.assert_array_equal(found.bases[0].argmax(0), codes)
    assert np.abs(found.bases[0] * found.hypothetical[0]).sum() > 0


def test_names_that_cannot_be_taken_are_all_told_at_once(tiny: TinyCase, tmp_path: Path) -> None:
    genes, elements = pl.read_parquet(tiny.genes), pl.read_parquet(tiny.elements)
    genes = genes.with_columns(
        gene_name=pl.when(pl.col("gene_id") == "G8").then(pl.lit("NAME7")).otherwise("gene_name")
    )
    listed = tmp_path / "genes.txt"
    listed.write_text("# mine\nG3\tfirst\nNAME9\n\nG3\n")
    assert asked_genes.rows(genes, text_files.names(str(listed))).tolist() == [3, 9]
    assert asked_genes.rows(genes, text_files.names("NAME9, G3")).tolist() == [9, 3]
    with pytest.raises(InputError, match=r"(?s)1\. 2 genes are called NAME7 \(G7, G8\).*2\. there is no gene NONE"):
        asked_genes.rows(genes, ["NAME7", "NONE", "G1"])
    with pytest.raises(InputError, match="there is no element E9999"):
        element_rows(elements, ["E9999", "E1"])


def test_an_element_on_no_genes_list_and_a_model_without_sequence_are_refused(tiny: TinyCase, folder: Path) -> None:
    model, store = make(tiny, folder, sequence=False, profile_width=0)
    unseen = np.setdiff1d(np.arange(300), store.index[[50]].numpy())[:2]
    with pytest.raises(InputError, match="2 of 2 elements are not on these genes' list of what the model sees"):
        pairs(store, np.array([50]), unseen)
    with pytest.raises(InputError, match="reads no sequence, so there is nothing to shuffle"):
        next(contributions(model, store, 0, some(store), "shuffled"))


@pytest.fixture(scope="module")
def written(tiny: TinyCase, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the tool writes of two genes, by a model with all kinds of input."""
    outdir = tmp_path_factory.mktemp("written")
    done = train(tiny, folder, outdir / "model")
    assert done.exit_code == 0, done.output
    done = attribute(tiny, folder, outdir / "model", outdir, "--ask-genes", "NAME50,G3", "--logos", 2)
    assert done.exit_code == 0, done.output
    return outdir


def given(tiny: TinyCase, folder: Path) -> list[Any]:
    return ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", folder / "signals.A.safetensors",
            "--profiles", folder / "profiles.A.safetensors", "--sequence", tiny.sequence, "--motifs", tiny.motifs,
            "--expression", tiny.expression("A"), "--threads", 1]  # fmt: skip


def train(tiny: TinyCase, folder: Path, outdir: Path) -> Any:
    quick = [
        "--neighbours",
        4,
        "--steps",
        4,
        "--validate-every",
        4,
        "--batch-size",
        16,
        "--val",
        "chr2",
        "--test",
        "chr3",
    ]
    return run("train", *given(tiny, folder), *quick, "--preset", "crexpress-small", "--outdir", outdir)


def attribute(tiny: TinyCase, folder: Path, model: Path, outdir: Path, *more: Any) -> Any:
    return run("attribute", "--model", model, *given(tiny, folder), *more, "--outdir", outdir)


@pytest.mark.slow
def test_files_open_in_their_readers_and_agree(written: Path, tiny: TinyCase) -> None:
    links, _ = artifacts.read_table(written / "attributed.A.parquet", "attributed")
    channels, header = artifacts.read_table(written / "contributions.A.parquet", "contributions")
    assert set(links["gene_name"]) == {"NAME50", "NAME3"}
    assert len(links) == 10
    assert header["parameters"]["method"] == "integrated gradients"
    for name, table in (("attributed", links), ("contributions", channels)):
        text = pl.read_csv(written / f"{name}.A.tsv", separator="\t", schema=table.schema)
        assert text.equals(table)
    total = channels.group_by("gene_id", "element").agg(pl.col("contribution").sum())
    both = links.join(total, on=["gene_id", "element"])
    assert ((both["contribution"] - both["effect"]).abs() <= both["error"] * both["effect"].abs() + 2e-5).all()
    motifs = channels.filter(pl.col("kind") == "motif")
    assert motifs["rank"].sort().unique().to_list() == [1, 2, 3]
    level = artifacts.read_table(tiny.expression("A"), "expression")[0]
    assert motifs.filter(pl.col("factor") == "Name5")["expression"][0] == level["expression"][5]  # letter case aside
    one_hot, hypothetical = (np.load(written / "modisco.A" / f"{name}.npz")["arr_0"] for name in ("ohe", "shap"))
    assert one_hot.shape == hypothetical.shape == (10, 4, 600)
    assert (one_hot.sum(1) == 1).all()
    arrays = artifacts.open_arrays(written / "contributions.A.safetensors", "contribution_arrays").tensors
    elements = pl.read_parquet(tiny.elements)
    with pyBigWig.open(str(written / "contributions.A.sequence.bw")) as file:
        strongest = int(np.abs(links["effect"].to_numpy()).argmax())
        row = elements.row(links["element"][strongest], named=True)
        shown = np.nan_to_num(file.values(row["chrom"], row["start"], row["end"], numpy=True))
    own = (arrays["bases"][strongest] * arrays["hypothetical"][strongest]).sum(0)
    np.testing.assert_allclose(shown, own, atol=1e-7)
    assert len(list((written / "logos.A").glob("*.svg"))) == 2


@pytest.mark.slow
def test_faults_of_what_is_asked_are_one_sentence(written: Path, tiny: TinyCase, folder: Path, tmp_path: Path) -> None:
    for asked, message in (
        ([], "Error: say which links of A to look at"),
        (["--ask-genes", "NONE"], "Error: there is no gene NONE"),
        (["--ask-genes", "NAME50", "--ask-elements", "E300"], "are not on these genes' list"),
    ):
        done = attribute(tiny, folder, written / "model", tmp_path, *asked)
        assert done.exit_code == 65
        assert message in done.output
        assert "Traceback" not in done.output
    assert not list(tmp_path.iterdir())


def test_of_a_cells_links_files_the_one_with_the_score_is_taken(tiny: TinyCase, folder: Path, tmp_path: Path) -> None:
    """A folder of results holds those of closed forms, too, as score-links writes them."""
    model, store = make(tiny, folder)
    table = link_table(model, store, 0, 200_000)
    about = {"scores": [{"name": "perturbation", "label": "p", "higher_is_better": True}], "neighbours": 4, "window": 0}
    header = artifacts.make_header("links", "test", **store.digests, cell="A", parameters=about)
    paths = [tmp_path / "links.A.parquet", tmp_path / "scored.A.parquet"]
    artifacts.write_table(paths[0], table, header)
    artifacts.write_table(paths[1], table.drop("perturbation"), header)
    found = asked_pairs(store, "A", links=paths, top=3)
    expected = strongest(store, table, "perturbation", 3)
    np.testing.assert_array_equal(found.gene, expected.gene)
    np.testing.assert_array_equal(found.column, expected.column)
    with pytest.raises(InputError, match=r"with links.A.parquet \(2 files of it were given\)"):
        asked_pairs(store, "A", links=[paths[0], paths[0]], top=3)
    with pytest.raises(InputError, match=r"2 files of it were given"):
        asked_pairs(store, "A", links=paths, score="none")


@pytest.mark.slow
def test_a_figure_says_no_more_than_is_known_and_a_small_effect_in_full(written: Path) -> None:
    links, _ = artifacts.read_table(written / "attributed.A.parquet", "attributed")
    channels, _ = artifacts.read_table(written / "contributions.A.parquet", "contributions")
    link = links.row(0, named=True) | {"effect": -0.000123456}
    ranked = channels.filter(kind="motif", gene_id=link["gene_id"], element=link["element"])
    figure = link_figure(link, None, ranked)
    assert figure.get_suptitle().endswith("effect \N{MINUS SIGN}0.000123")
    unknown = link_figure(link, None, ranked.with_columns(expression=pl.lit(None, pl.Float32)))
    titles = [one.axes[-1].get_title(loc="left") for one in (figure, unknown)]
    assert titles == ["Factors, with their expression in the cell", "Factors"]
