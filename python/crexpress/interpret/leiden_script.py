"""Leiden's clustering (Traag et al. 2019, Scientific Reports 9, 5233) by igraph; see apart.py.

Given: edges `first`, `second` with `weights`, of so many `points`, `resolution`, `seed`. Made: `cluster` of each point.
"""

import random
import sys

import igraph
import numpy as np

ROUNDS = 2  # as scanpy advises for igraph

given = np.load(sys.argv[1], allow_pickle=False)
random.seed(int(given["seed"]))
igraph.set_random_number_generator(random)
edges = np.column_stack([given["first"], given["second"]]).tolist()
graph = igraph.Graph(n=int(given["points"]), edges=edges, directed=False)
weights, resolution = given["weights"].tolist(), float(given["resolution"])
parts = graph.community_leiden("modularity", weights=weights, resolution=resolution, n_iterations=ROUNDS)
np.savez(sys.argv[2], cluster=np.array(parts.membership, np.int64))
