"""ABC's predictions (EnhancerPredictions*.tsv of broadinstitute/ABC-Enhancer-Gene-Prediction)."""

from crexpress.links.importers.base import Format

FORMAT = Format(
    "abc",
    "ABC (published)",
    score=("ABC.Score", "powerlaw.Score"),
    aggregate="sum",
    fill=0,
    fitted_to=(),
    note="summed over elements, 0 where there is none, as in EngreitzLab/CRISPR_comparison",
)
