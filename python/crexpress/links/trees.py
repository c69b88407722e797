"""Fitted trees as arrays: their sum, and each feature's exact part of it.

Trees lie in preorder one after another: the left child of a node is the next one. `feature` is -1 in a leaf;
`value` is the split's threshold (lower or equal goes left) or the leaf's value; `right` is how many nodes further on
the right child lies; `cover` is the weight of training rows in a node.
"""

from typing import Any, NamedTuple

import numba
import numpy as np

_LEAF = -1
_MOST_LEAVES = 64  # of a tree, which is so at most as deep as `_parts` has room for


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
        out = np.zeros(table.shape)
        if len(table):
            _parts(np.ascontiguousarray(table, np.float32), *self, out)
        return out, _mean(*self)


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


@numba.njit(nogil=True)
def _sums(table, first, feature, value, right, cover, out):  # type: ignore[no-untyped-def]
    for row in range(table.shape[0]):
        total = 0.0
        for tree in range(len(first) - 1):
            at = first[tree]
            while feature[at] >= 0:
                at += 1 if table[row, feature[at]] <= value[at] else right[at]
            total += value[at]
        out[row] = total


@numba.njit(nogil=True)
def _mean(first, feature, value, right, cover):  # type: ignore[no-untyped-def]
    total = 0.0
    for tree in range(len(first) - 1):
        for at in range(first[tree], first[tree + 1]):
            if feature[at] < 0:
                total += value[at] * cover[at] / cover[first[tree]]
    return total


@numba.njit(nogil=True)
def _parts(table, first, feature, value, right, cover, out):  # type: ignore[no-untyped-def]
    """For each leaf: a feature on its path lets the row through (1) or not (0); absent, it does for a share `alone`.

    With n features on the path, the leaf's value times sum over subsets S of the others of |S|! (n - |S| - 1)! / n!
    times the product of what S and the rest let through, is what a feature adds, times its (1 or 0) - alone. The
    products are the coefficients of a polynomial in the size of S.
    """
    most = 64
    stack = np.empty(most, np.int64)  # nodes whose right side is still to be walked, along the path
    path_feature, path_alone, path_through = np.empty(most, np.int64), np.empty(most), np.empty(most)
    one_feature, one_alone, one_through = np.empty(most, np.int64), np.empty(most), np.empty(most)
    poly, weight = np.empty(most + 1), np.empty(most)
    for row in range(table.shape[0]):
        for tree in range(len(first) - 1):
            depth, at = 0, first[tree]
            while True:
                if feature[at] >= 0:  # down to the left
                    stack[depth] = at
                    path_feature[depth] = feature[at]
                    path_alone[depth] = cover[at + 1] / cover[at]
                    path_through[depth] = 1.0 if table[row, feature[at]] <= value[at] else 0.0
                    depth += 1
                    at += 1
                    continue
                size = 0
                for step in range(depth):  # splits on one feature are one player
                    place = 0
                    while place < size and one_feature[place] != path_feature[step]:
                        place += 1
                    if place == size:
                        one_feature[size], one_alone[size], one_through[size] = path_feature[step], 1.0, 1.0
                        size += 1
                    one_alone[place] *= path_alone[step]
                    one_through[place] *= path_through[step]
                if size:
                    weight[0] = 1.0 / size
                    for number in range(1, size):
                        weight[number] = weight[number - 1] * number / (size - number)
                    for player in range(size):
                        poly[0] = 1.0
                        degree = 0
                        for other in range(size):
                            if other == player:
                                continue
                            poly[degree + 1] = poly[degree] * one_through[other]
                            for power in range(degree, 0, -1):
                                poly[power] = poly[power] * one_alone[other] + poly[power - 1] * one_through[other]
                            poly[0] *= one_alone[other]
                            degree += 1
                        total = 0.0
                        for power in range(degree + 1):
                            total += weight[power] * poly[power]
                        gained = one_through[player] - one_alone[player]
                        out[row, one_feature[player]] += value[at] * gained * total
                while depth and stack[depth - 1] < 0:  # both sides are done
                    depth -= 1
                if not depth:
                    break
                parent = stack[depth - 1]  # over to its right
                stack[depth - 1] = -1
                path_alone[depth - 1] = cover[parent + right[parent]] / cover[parent]
                path_through[depth - 1] = 1.0 - path_through[depth - 1]
                at = parent + right[parent]
