"""ENCODE-rE2G's predictions (encode_e2g_predictions*.tsv of EngreitzLab/ENCODE_rE2G)."""

from crexpress.links.encode_re2g import FITTED_TO
from crexpress.links.importers.base import Format

FORMAT = Format(
    "encode_re2g",
    "ENCODE-rE2G (published)",
    score=("ENCODE-rE2G.Score", "E2G.Score", "Score"),
    aggregate="mean",
    fill=0,
    fitted_to=FITTED_TO,
    note="mean over elements, 0 where there is none, as in EngreitzLab/CRISPR_comparison",
)
