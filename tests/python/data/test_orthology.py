"""A model in another genome: told by its chromosomes, its motifs found by factor, nothing of it seen in training."""

import json
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.orthology import match, same_genome
from tiny_case import TinyCase

BIN = Path(__file__).parents[3] / "bin"


def tool(name: str, *arguments: object) -> Result:
    return CliRunner().invoke(run_path(str(BIN / name))["main"], [str(argument) for argument in arguments])


def about(names: list[str], factors: list[str], mode: str = "log-odds") -> dict[str, object]:
    return {"motifs": names, "factors": factors, "mode": mode}


def test_genomes_are_told_apart_by_lengths() -> None:
    human = [["chr1", 248], ["chr2", 242]]
    assert same_genome(human, human)
    assert same_genome(human, [("chr2", 242)])  # a part of it
    assert same_genome(human, [("1", 248)])
    assert not same_genome(human, [("chr1", 195), ("chr2", 182)])
    assert not same_genome(human, [("chrX", 10)])


def test_a_genome_taken_for_the_models_by_names_alone_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    human = [["chr1", 248], ["chr2", 242]]
    assert same_genome(human, [("chr1", 248), ("chrX", None)])
    assert not capsys.readouterr().err
    assert same_genome(human, [("chr1", None)])
    assert "by the names of their chromosomes alone" in capsys.readouterr().err


def test_motifs_are_matched_by_name_first_then_by_factor() -> None:
    file = Path("mouse.safetensors")
    same = about(["B.0", "A.0"], ["B", "A"])
    assert match(["A.0", "B.0"], ["A", "B"], same, file).tolist() == [1, 0]
    mouse = about(["Gata1.0", "Ctcf.0", "Ctcf.1"], ["Gata1", "Ctcf", "Ctcf"])
    motifs, factors = ["CTCF.0", "CTCF.1", "CTCF.2", "GATA1.0", "ZNF1.0"], ["CTCF", "CTCF", "CTCF", "GATA1", "ZNF1"]
    assert match(motifs, factors, mouse, file).tolist() == [1, 2, 1, 0, -1]


def test_motifs_that_cannot_stand_for_the_models_are_refused() -> None:
    with pytest.raises(InputError, match="has none of their factors"):
        match(["CTCF.0"], ["CTCF"], about(["Sp1.0"], ["Sp1"]), Path("m"))
    with pytest.raises(InputError, match="no neutral value"):
        match(["CTCF.0", "SP1.0"], ["CTCF", "SP1"], about(["Ctcf"], ["Ctcf"], "pfm-minmax"), Path("m"))


def renamed(tiny: TinyCase, folder: Path, names: list[str], factors: list[str], columns: list[int]) -> Path:
    """The motif scores of the tiny case in another order, under other names."""
    stored = artifacts.open_arrays(tiny.motifs, "motifs")
    header = stored.header | {"parameters": about(names, factors)}
    path = folder / "motifs.safetensors"
    artifacts.write_arrays(path, {"scores": np.array(stored.tensors["scores"])[:, columns]}, header)
    return path


def test_a_model_is_applied_to_another_genome(tiny: TinyCase, tmp_path: Path) -> None:
    human = renamed(tiny, tmp_path, ["SP1.H", "CTCF.H", "ZNF1.H"], ["SP1", "CTCF", "ZNF1"], [0, 1, 2])
    store = ["--elements", tiny.elements, "--genes", tiny.genes, "--signals", tiny.signals("A")]
    options = ["--expression", tiny.expression("A"), "--motifs", human, "--val", "chr2", "--test", "chr3"]
    model = tmp_path / "model"
    short = ["--neighbours", 4, "--steps", 2, "--inputs", "motifs,tracks", "--outdir", model]
    result = tool("train", *store, *options, *short)
    assert result.exit_code == 0, result.output

    def predicted(name: str, motifs: Path, *more: object) -> tuple[artifacts.Header, list[float], list[str]]:
        result = tool("predict", "--model", model, *store, "--motifs", motifs, "--outdir", tmp_path / name, *more)
        assert result.exit_code == 0, result.output
        table, header = artifacts.read_table(tmp_path / name / "predictions.A.parquet", "predictions")
        return header, table["predicted"].to_list(), table["split"].unique().sort().to_list()

    header, values, split = predicted("same", human, "--test", "chr1")
    assert header["parameters"]["cell_seen"] is True
    assert split == ["test", "train", "val"]  # the model's own, whatever is asked for

    # chromosomes of other lengths: another species, whose cell happens to have the same name
    config = json.loads((model / "config.json").read_text())
    config["chromosomes"] = [[name, length + 1] for name, length in config["chromosomes"]]
    (model / "config.json").write_text(json.dumps(config))
    (tmp_path / "mouse").mkdir()
    mouse = renamed(tiny, tmp_path / "mouse", ["Ctcf.M", "Znf1.M", "Sp1.M"], ["Ctcf", "Znf1", "Sp1"], [1, 2, 0])
    header, others, split = predicted("other", mouse, "--val", "chr1", "--test", "chr2")
    assert others == values  # every motif was found by its factor
    assert header["parameters"]["cell_seen"] is False
    assert header["parameters"]["same_genome"] is False
    assert split == ["test", "train", "val"]
    assert predicted("all", mouse)[2] == ["test"]

    fewer = renamed(tiny, tmp_path / "mouse", ["Ctcf.M", "Sp1.M"], ["Ctcf", "Sp1"], [1, 0])
    result = tool("predict", "--model", model, *store, "--motifs", fewer, "--outdir", tmp_path / "fewer")
    assert "2 of the model's 3 motifs found by their factor; ZNF1.H without one are neutral (0)" in result.output
    table, _ = artifacts.read_table(tmp_path / "fewer/predictions.A.parquet", "predictions")
    # as if the third motif scored its mean everywhere
    zeroed = artifacts.open_arrays(human, "motifs")
    scores = np.array(zeroed.tensors["scores"])
    scores[:, 2] = 0
    artifacts.write_arrays(tmp_path / "zero.safetensors", {"scores": scores}, zeroed.header)
    assert predicted("zero", tmp_path / "zero.safetensors")[1] == table["predicted"].to_list()
