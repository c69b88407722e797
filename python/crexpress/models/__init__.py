"""Model families; what is built, saved and loaded comes from `folder` when first asked for, as torch takes seconds."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crexpress.models.folder import CONFIG, WEIGHTS, Model, build, load_model, read_settings, save_model

__all__ = ["CONFIG", "WEIGHTS", "Model", "build", "load_model", "read_settings", "save_model"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from crexpress.models import folder

        return getattr(folder, name)
    raise AttributeError(f"module 'crexpress.models' has no attribute '{name}'")
