"""A simulated input set with a known answer: `invent` makes the biology, `write` the files."""

from crexpress.simulate.files import write
from crexpress.simulate.world import Sizes, World, invent

__all__ = ["Sizes", "World", "invent", "write"]
