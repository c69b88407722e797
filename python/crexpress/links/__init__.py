"""Scores of element-gene links that need no network: evidence, closed forms, fits to screens."""
