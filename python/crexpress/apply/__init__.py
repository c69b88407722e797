"""A trained model applied to cells: open both, predict, average over models."""
