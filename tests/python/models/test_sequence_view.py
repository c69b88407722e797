"""The model as a function of one element's bases: on both strands, and refused where no base can matter."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from crexpress.core import artifacts
from crexpress.core.errors import InputError
from crexpress.data.study import Study, open_study
from crexpress.models import build
from crexpress.prepare.genes import gene_digest
from crexpress.training.presets import read_preset
from interpret_case import make, with_profiles
from tiny_case import TinyCase


@pytest.fixture
def study(tiny: TinyCase, tmp_path: Path) -> Study:
    """The tiny case with its first genes on the minus strand."""
    genes, header = artifacts.read_table(tiny.genes, "genes")
    strand = pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("-")).otherwise(pl.lit("+"))
    genes = genes.with_columns(strand=strand)
    artifacts.write_table(tmp_path / "genes.parquet", genes, header | {"genes": gene_digest(genes)})
    for path in (tiny.elements, tiny.sequence, tiny.signals("A")):
        (tmp_path / path.name).symlink_to(path)
    return open_study(tmp_path)


def model(**changes: object) -> torch.nn.Module:
    torch.manual_seed(1)
    settings = {"tracks": ("dnase",), "sequence": True, "width": 600, "neighbours": 4, "channels": 16} | changes
    return build(read_preset("scpge-small")[0].replace(**settings)).eval()


@pytest.mark.parametrize("gene", ["G1", "G50"])
@pytest.mark.parametrize("column", [0, 2])
def test_bases_are_of_the_plus_strand_whichever_way_the_model_reads(study: Study, gene: str, column: int) -> None:
    own = model(stranded=True)
    batch = study.batch(own, "A", gene)
    element = int(study.store(own, "A").index[study.gene(gene), column])
    view = own.sequence_view(study, "A", gene, element)
    codes = artifacts.open_arrays(study.require("sequence"), "sequence").tensors["codes"][element]
    assert torch.equal(view.reference[0].argmax(0), torch.from_numpy(np.array(codes)).long())
    with torch.no_grad():
        torch.testing.assert_close(view(view.reference)[0], own(batch).expression[0], atol=1e-5, rtol=1e-5)
    bases = view.reference.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(view(bases).sum(), bases)
    assert gradient.shape == (1, 4, 600)
    assert float(gradient.abs().sum()) > 0


def test_a_model_that_reads_the_genes_profile_is_given_it(tiny: TinyCase, tmp_path: Path) -> None:
    for path in (tiny.elements, tiny.genes, tiny.sequence, tiny.motifs):
        (tmp_path / path.name).symlink_to(path)
    own, store = make(tiny, with_profiles(tiny, tmp_path))
    study = open_study(tmp_path)
    view = own.sequence_view(study, "A", "G50", int(store.index[50, 1]))
    with torch.no_grad():
        torch.testing.assert_close(view(view.reference), own(study.batch(own, "A", "G50")).expression)


def test_what_cannot_be_asked_is_refused(study: Study) -> None:
    with pytest.raises(InputError, match="reads no sequence"):
        model(sequence=False).sequence_view(study, "A", "G1", 0)
    far = int(np.flatnonzero((study.elements["chrom"] == "chr3").to_numpy())[0])
    with pytest.raises(InputError, match="does not see the element"):
        model().sequence_view(study, "A", "G1", far)
    view = model().sequence_view(study, "A", "G1", study.elements["element_id"][study.genes["element"][1]])
    with pytest.raises(InputError, match=r"give one-hot bases \[N, 4, 600\]"):
        view(torch.zeros(1, 4, 10))
