"""Sums of numbers within groups of a table, alike in every run.

Polars adds up groups in parts (2.1: hash tables of a random seed, from which rows move on where they collide, also
with one thread and `maintain_order`), so that a float sum has other last digits in each run. As lists, groups keep the
order of their rows. Sums of whole numbers, and largest or smallest ones, need none of this.
"""

import polars as pl


def total(values: pl.Expr) -> pl.Expr:
    """Sum of a group, nulls left out; 0 of none."""
    return values.implode().list.sum()


def average(values: pl.Expr) -> pl.Expr:
    """Mean of a group, nulls left out; null of none."""
    return values.implode().list.mean()


def spread(values: pl.Expr) -> pl.Expr:
    """Standard deviation of a group (n - 1), nulls left out; null of fewer than two."""
    return values.implode().list.std()
