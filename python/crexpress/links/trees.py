"""Fitted trees as arrays: their sum, and each feature's exact part of it.

Trees lie in preorder one after another: the left child of a node is the next one. `feature` is -1 in a leaf;
`value` is the split's threshold (lower or equal goes left) or the leaf's value; `right` is how many nodes further on
the right child lies; `cover` is the weight of training rows in a node.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from crexpress.core.compiled import compiled

_LEAF = -1
_MOST_LEAVES = 64  # of a tree, for which `_parts` has room
_ROWS = 64  # that `_parts` has in hand at once


class Trees(NamedTuple):
    """`first` int32 [trees + 1], first node of each tree; the others [nodes]: int16, float32, int16, float32."""

    first: np.ndarray
    feature: np.ndarray
    value: np.ndarray
    right: np.ndarray
    cover: np.ndarray

    def require(self, features: int) -> None:
        """Raise ValueError unless every path from a tree's first node stays in it, and ends in a leaf."""
        nodes, sizes = len(self.feature), np.diff(self.first)
        if [array.dtype.str for array in self] != ["<i4", "<i2", "<f4", "<i2", "<f4"] or any(a.ndim != 1 for a in self):
            raise ValueError("its trees are of another type")
        if {len(array) for array in self[2:]} != {nodes} or not len(sizes):
            raise ValueError("its trees have another number of nodes")
        if self.first[0] != 0 or self.first[-1] != nodes or (sizes < 1).any():
            raise ValueError("its trees do not lie one after another")
        leaf, right = self.feature == _LEAF, np.arange(nodes) + self.right
        inside = (self.right >= 2) & (right < np.repeat(self.first[1:], sizes))
        if not (leaf | inside).all() or (self.feature < _LEAF).any() or (self.feature >= features).any():
            raise ValueError("a tree has a branch that leads nowhere")
        if np.add.reduceat(leaf, self.first[:-1], dtype=np.int64).max() > _MOST_LEAVES:
            raise ValueError(f"a tree has more than {_MOST_LEAVES} leaves")
        if not np.isfinite(self.value).all() or not (np.isfinite(self.cover) & (self.cover > 0)).all():
            raise ValueError("a node of a tree has no value")

    def sums(self, table: np.ndarray) -> np.ndarray:
        """Sum of the leaves that each row (float32 [rows, features], no NaN) reaches, float64 [rows]."""
        total = np.zeros(len(table))
        if len(table):
            _sums(np.ascontiguousarray(table, np.float32), *self, total)
        return total

    def parts(self, table: np.ndarray) -> tuple[np.ndarray, float]:
        """Shapley value of every feature for each row, float64 [rows, features], and the mean sum they add up from.

        Exact, for trees whose absent features are averaged over the training rows in each branch (Lundberg et al. 2020,
        "path-dependent"): rows of `parts` and the mean add up to `sums`.
        """
        out = np.zeros(table.shape[::-1])
        if len(table):
            _parts(np.ascontiguousarray(table.T, np.float32), *self, *_quadratures(), out)
        return np.ascontiguousarray(out.T), _mean(*self)


def join(trees: list[list[tuple[int, float, int, float]]]) -> Trees:
    """Trees from their nodes in preorder: (feature, value, right, cover)."""
    sizes = [len(tree) for tree in trees]
    nodes = [node for tree in trees for node in tree]
    feature, value, right, cover = zip(*nodes, strict=True)
    return Trees(
        np.append(0, np.cumsum(sizes)).astype(np.int32),
        np.array(feature, np.int16),
        np.array(value, np.float32),
        np.array(right, np.int16),
        np.array(cover, np.float32),
    )


def join_all(groups: list[Trees]) -> Trees:
    """All trees of several groups."""
    firsts = [group.first[:-1] for group in groups]
    before = np.cumsum([0] + [len(group.feature) for group in groups])
    first = np.concatenate([first + start for first, start in zip(firsts, before, strict=False)] + [before[-1:]])
    arrays = (np.concatenate([group[i] for group in groups]) for i in range(1, len(Trees._fields)))
    return Trees(first.astype(np.int32), *arrays)


def of_boosted(model: Any) -> Trees:
    """Trees of a fitted scikit-learn HistGradientBoostingClassifier of two classes; their sum lacks its baseline."""
    found = []
    for [predictor] in model._predictors:
        nodes = predictor.nodes
        found.append(
            _preorder(
                lambda at, nodes=nodes: (
                    None
                    if nodes["is_leaf"][at]
                    else (
                        int(nodes["feature_idx"][at]),
                        float(nodes["num_threshold"][at]),
                        int(nodes["left"][at]),
                        int(nodes["right"][at]),
                    )
                ),
                nodes["value"],
                nodes["count"],
            )
        )
    return join(found)


def of_forest(model: Any, leaf: Any) -> Trees:
    """Trees of a fitted forest of two classes; a leaf has `leaf(share, rows)` of its share of the second class, over
    the number of trees.
    """
    found = []
    for one in model.estimators_:
        tree = one.tree_
        share = tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1)
        values = leaf(share, tree.n_node_samples) / len(model.estimators_)
        found.append(
            _preorder(
                lambda at, tree=tree: (
                    None
                    if tree.children_left[at] < 0
                    else (
                        int(tree.feature[at]),
                        float(tree.threshold[at]),
                        int(tree.children_left[at]),
                        int(tree.children_right[at]),
                    )
                ),
                values,
                tree.n_node_samples,
            )
        )
    return join(found)


def _preorder(split: Any, values: np.ndarray, cover: np.ndarray) -> list[tuple[int, float, int, float]]:
    nodes: list[tuple[int, float, int, float]] = []

    def walk(at: int) -> None:
        here = len(nodes)
        parts = split(at)
        if parts is None:
            nodes.append((_LEAF, float(values[at]), 0, float(cover[at])))
            return
        feature, threshold, left, right = parts
        nodes.append((feature, threshold, 0, float(cover[at])))
        walk(left)
        nodes[here] = (feature, threshold, len(nodes) - here, float(cover[at]))
        walk(right)

    walk(0)
    return nodes


@compiled
def _sums(table, first, feature, value, right, cover, out):  # type: ignore[no-untyped-def]
    for row in range(table.shape[0]):
        total = 0.0
        for tree in range(len(first) - 1):
            at = first[tree]
            while feature[at] >= 0:
                at += 1 if table[row, feature[at]] <= value[at] else right[at]
            total += value[at]
        out[row] = total


@compiled
def _mean(first, feature, value, right, cover):  # type: ignore[no-untyped-def]
    total = 0.0
    for tree in range(len(first) - 1):
        for at in range(first[tree], first[tree + 1]):
            if feature[at] < 0:
                total += value[at] * cover[at] / cover[first[tree]]
    return total


@functools.cache
def _quadratures() -> tuple[np.ndarray, np.ndarray]:
    """Points and weights between 0 and 1 of Gauss and Legendre, [number of points, its points]."""
    points, weights = np.zeros((2, _MOST_LEAVES // 2 + 1, _MOST_LEAVES // 2))
    for number in range(1, len(points)):
        at, weight = np.polynomial.legendre.leggauss(number)
        points[number, :number], weights[number, :number] = (at + 1) / 2, weight / 2
    return points, weights


@compiled
def _parts(table, first, feature, value, right, cover, points, weights, out):  # type: ignore[no-untyped-def]
    """Add each feature's part to `out`; both tables are [features, rows].

    On the path to a leaf, each feature lets a row through (1) or not (0); absent, it does for a share `alone`. A leaf's
    value times sum over subsets S of the n others of |S|! (n - |S|)! / (n + 1)! times the product of what S and the
    rest let through, is what a feature adds, times its (1 or 0) - alone. That sum is the integral over x from 0 to 1 of
    the product of x through + (1 - x) alone over the others, a polynomial that (n + 2) / 2 points integrate exactly.
    The product over all features is carried down the tree; values times products are summed up again, and each branch
    takes its feature's part of what lies below, less what the last branch on that feature above has taken of it.
    """
    most, rows, wide = 2 * _MOST_LEAVES, table.shape[1], points.shape[1]
    parent, last, depth = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    alone, goes_left = np.empty(most), np.empty(most, np.bool_)
    through, product, part = np.empty((most, _ROWS)), np.empty((most, wide, _ROWS)), np.empty(_ROWS)
    for tree in range(len(first) - 1):
        root = first[tree]
        nodes = first[tree + 1] - root
        parent[0], alone[0], depth[0] = -1, 1.0, 0
        for at in range(nodes):
            if feature[root + at] >= 0:
                sides = at + 1, at + right[root + at]
                for side in range(2):
                    parent[sides[side]], goes_left[sides[side]] = at, side == 0
        deepest = 0
        for at in range(1, nodes):
            above, on = parent[at], feature[root + parent[at]]
            while parent[above] >= 0 and feature[root + parent[above]] != on:
                above = parent[above]
            last[at] = above if parent[above] >= 0 else 0  # 0: none above is on this feature
            alone[at] = alone[last[at]] * cover[root + at] / cover[root + parent[at]]
            depth[at] = depth[parent[at]] + (last[at] == 0)
            deepest = max(deepest, depth[at])
        number = max((deepest + 1) // 2, 1)
        for start in range(0, rows, _ROWS):
            size = min(_ROWS, rows - start)
            for row in range(size):
                through[0, row] = 1.0
                for step in range(number):
                    product[0, step, row] = 1.0
            for at in range(1, nodes):
                up, before, on = parent[at], last[at], feature[root + parent[at]]
                threshold, left = value[root + up], goes_left[at]
                for row in range(size):
                    passes = (table[on, start + row] <= threshold) == left
                    through[at, row] = through[before, row] if passes else 0.0
                for step in range(number):
                    x = points[number, step]
                    own, other = (1 - x) * alone[at], (1 - x) * alone[before]
                    absent, present = 1 / other, 1 / (other + x)  # by what the last branch on this feature let through
                    for row in range(size):
                        taken_out = absent + through[before, row] * (present - absent)
                        product[at, step, row] = product[up, step, row] * (own + x * through[at, row]) * taken_out
            for at in range(nodes - 1, -1, -1):
                if feature[root + at] < 0:
                    for step in range(number):
                        for row in range(size):
                            product[at, step, row] *= value[root + at]
                else:
                    other_side = at + right[root + at]
                    for step in range(number):
                        for row in range(size):
                            product[at, step, row] = product[at + 1, step, row] + product[other_side, step, row]
                if at == 0:
                    continue
                before, on = last[at], feature[root + parent[at]]
                for row in range(size):
                    part[row] = 0.0
                for step in range(number):
                    x, weight = points[number, step], weights[number, step]
                    absent = -1 / (1 - x)  # (0 - alone) / ((1 - x) alone)
                    present = (1 - alone[at]) / ((1 - x) * alone[at] + x) - absent
                    earlier = (1 - alone[before]) / ((1 - x) * alone[before] + x) - absent
                    if before == 0:  # nothing was taken
                        for row in range(size):
                            part[row] += weight * product[at, step, row] * (absent + through[at, row] * present)
                    else:
                        for row in range(size):
                            gained = through[at, row] * present - through[before, row] * earlier
                            part[row] += weight * product[at, step, row] * gained
                for row in range(size):
                    out[on, start + row] += part[row]
