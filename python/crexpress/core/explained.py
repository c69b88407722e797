"""What artefacts of interpretation hold: the twelve kinds that `interpret` tools write, apart from links.

Words are those of `core.columns` and `core.tensors`; the checks that hold files against them are there and in headers.
"""

from typing import Annotated, Literal

from pydantic import Field

from crexpress.core.schemas import Count, Part, Positive

Share = Annotated[float, Field(ge=0, le=1)]


class _Contributions(Part):
    preset: str
    method: Literal["integrated gradients", "expected gradients"]
    background: Literal["silent", "shuffled"]
    shuffles: Positive | None = None


class _Model(Part):
    preset: str


class _Variants(_Model):
    models: Positive


class _Map(_Model):
    genes: Positive


class _Active(Part):
    k: Positive
    absolute: bool


class _Categories(Part):
    split: Literal["train", "val", "test", "all"]
    high: Share
    low: Share


class _Motifs(Part):
    p_value: Share
    test: Literal["fisher", "rank"]
    seed: Count


# what their headers say under `parameters`; all but enriched motifs are of a cell
PARAMETERS: dict[str, type[Part]] = {
    "attributed": _Contributions,
    "contributions": _Contributions,
    "contribution_arrays": _Contributions,
    "modisco_input": _Contributions,
    "mutations": _Model,
    "variants": _Variants,
    "attention_map": _Map,
    "pairs": _Model,
    "embedding": _Model,
    "active": _Active,
    "categories": _Categories,
    "enriched_motifs": _Motifs,
}
OF_ANY_CELL = ("enriched_motifs",)

_PLACE = {"chrom": "text", "start": "whole", "end": "whole"}
_GENE = {"gene_id": "text", "gene_name": "text"}
_LINK = {**_GENE, "element": "whole", "element_id": "text", "class": "text", "distance": "whole"}
_PAIRED = {"element": "text", "distance": "whole", "perturbation": "number"}
COLUMNS: dict[str, dict[str, str]] = {
    "attributed": {
        **_LINK,
        **_PLACE,
        **{"tss": "whole", "window": "whole", "predicted": "number", "effect": "number"},
        **{"error": "number", "steps": "whole"},
    },
    "contributions": {
        **_LINK,
        **{"kind": "text", "name": "text", "factor": "text?", "sites": "whole?", "contribution": "number"},
        **{"rank": "whole", "expression": "number?"},
    },
    "mutations": {
        **_GENE,
        **{"element_id": "text", "chrom": "text", "position": "whole", "ref": "text", "alt": "text"},
        "effect": "number",
    },
    "variants": {
        **{"line": "whole", "name": "text?", **_PLACE, "ref": "text?", "alt": "text?", "action": "text"},
        **_GENE,
        **{"tss": "whole", "distance": "whole", "elements": "text", "classes": "text"},
        **{"predicted": "number", "edited": "number", "effect": "number", "spread": "number?", "models": "whole"},
    },
    "pairs": {
        **_GENE,
        **{f"{name}_{side}": what for name, what in _PAIRED.items() for side in "ab"},
        **{"perturbation_both": "number", "epistasis": "number"},
    },
    "embedding": {"element_id": "text", "class": "text", "cluster": "text", "umap_1": "number", "umap_2": "number"},
    "active": {
        **_LINK,
        **{"attention": "number", "perturbation": "number"},
        **{"rank_attention": "whole", "rank_perturbation": "whole", "active": "truth"},
    },
    "categories": {
        **_GENE,
        **{"split": "text", "predicted": "number", "observed": "number"},
        **{"predicted_scaled": "number", "observed_scaled": "number", "category": "text"},
    },
    "enriched_motifs": {
        **{"motif": "text", "factor": "text", "family": "text"},
        **dict.fromkeys(("active_with", "active", "background_with", "background"), "whole"),
        **dict.fromkeys(("odds_ratio", "p_fisher", "q_fisher", "auc", "p_rank", "q_rank"), "number"),
    },
}

# type and number of axes of arrays, all of which have a row a link or element; "?" need not be there
ARRAYS: dict[str, dict[str, tuple[str, int]]] = {
    "contribution_arrays": {
        **{"bases?": ("f4", 3), "hypothetical?": ("f4", 3), "motif_bases?": ("f4", 2)},
        **{"signals?": ("f4", 3), "motifs?": ("f4", 2), "profile?": ("f4", 3)},
    },
    "modisco_input": {"arr_0": ("f4", 3)},
    "attention_map": {
        **{"element": ("i4", 1), "element_id": ("U", 1), "chrom": ("U", 1), "start": ("i", 1), "end": ("i", 1)},
        **{"probability": ("f4", 2), "logit": ("f4", 2), "genes": ("i4", 2)},
    },
}
