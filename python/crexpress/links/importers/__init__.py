"""Readers of other methods' published links: one file each, by name in IMPORTERS, others by entry points."""

from crexpress.core.registry import Registry
from crexpress.links.importers.base import Format

_OWN = ("table", "abc", "encode_re2g", "alphagenome")
IMPORTERS: Registry[Format] = Registry(
    "crexpress.importers", {name: f"crexpress.links.importers.{name}:FORMAT" for name in _OWN}
)
