"""Gene expression and enhancer-gene links from candidate cis-regulatory elements.

    import crexpress as cx
    study = cx.open("results")
    model = cx.load_model("results/model")
    predicted = cx.predict(model, study, "HeLa-S3")

What stands here is imported when it is used: torch takes seconds.
"""

from importlib import import_module
from importlib.metadata import version
from typing import Any

__version__ = version("crexpress")
_PUBLIC = {  # name: where it is
    "open": "crexpress.data.study:open_study",
    "load_model": "crexpress.models:load_model",
    "save_model": "crexpress.api:save_model",
    "predict": "crexpress.api:predict",
    "embed": "crexpress.asking:embed",
    "embed_genes": "crexpress.asking:embed_genes",
    "contributions": "crexpress.asking:contributions",
    "variants": "crexpress.asking:variants",
    "attention": "crexpress.asking:attention",
    "attention_map": "crexpress.readings:attention_map",
    "together": "crexpress.readings:together",
    "mutations": "crexpress.readings:mutations",
    "active": "crexpress.readings:active",
    "categories": "crexpress.readings:categories",
    "motifs": "crexpress.readings:motifs",
    "clusters": "crexpress.readings:clusters",
    "export": "crexpress.readings:export",
    "fine_tune": "crexpress.api:fine_tune",
    "links": "crexpress.links",  # a room that can be called: see core.calls
    "evaluate": "crexpress.evaluate",
    "pl": "crexpress.pl",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'crexpress' has no attribute '{name}'")
    module, _, own = _PUBLIC[name].partition(":")
    found = import_module(module)
    return getattr(found, own) if own else found


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
