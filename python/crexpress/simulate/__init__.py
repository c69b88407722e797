"""A simulated input set with a known answer: `invent` makes the biology, `write` the files."""

from crexpress.simulate.files import write
from crexpress.simulate.motifs import read_motifs
from crexpress.simulate.world import Sizes, Species, World, invent

__all__ = ["Sizes", "Species", "World", "invent", "read_motifs", "write"]
