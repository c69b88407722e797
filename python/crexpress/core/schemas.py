"""What `core.artifacts` checks artefacts by where it opens them, so that nothing behind a reader has to look.

They come from a disk, a download or a colleague. Headers, columns and tensors have a file each; these are their words.

What docs/artifacts.md lists besides is told to users, and read by no tool.
"""

import json
import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from crexpress.core.names import NAME
from crexpress.core.tracks import TRANSFORMS


def named(text: str) -> str:
    """The text; ValueError where no file can have it in its name."""
    if not NAME.fullmatch(text) or len(text) > 200:
        raise ValueError("it cannot name a file; names have letters, digits, '.', '_', '-'")
    return text


def _transform(text: str) -> str:
    if text not in TRANSFORMS and not re.fullmatch("quantile:[0-9a-f]+", text):
        raise ValueError(f"there is no transform '{text[:40]}'")
    return text


def one_of(*words: str) -> Any:
    """The field that takes these words."""
    return Field(pattern=f"^({'|'.join(words)})$")


Name = Annotated[str, AfterValidator(named)]
Transform = Annotated[str, AfterValidator(_transform)]
Positive = Annotated[int, Field(gt=0, lt=2**31)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


def read_json(text: str | bytes) -> Any:
    """JSON without NaN, infinity and keys given twice, which Python's own reader takes; raises ValueError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key is given twice")
        return dict(pairs)

    def finite(number: str) -> float:
        if not math.isfinite(float(number)):
            raise ValueError(f"{number[:40]} is no finite number")
        return float(number)

    try:
        if isinstance(text, bytes):
            text = text.decode()
        text.encode()  # half a surrogate pair could not be printed
        return json.loads(text, object_pairs_hook=once, parse_float=finite, parse_constant=finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


class Outdated(ValueError):
    """A file that an earlier version wrote without what its readers need now; the text says which tool to run again."""


def check(schema: type[BaseModel], values: Any) -> None:
    """Raise ValueError, in words, unless `values`, read from JSON, are what `schema` asks for."""
    try:
        schema.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise ValueError(faults(error)) from None


def faults(error: ValidationError) -> str:
    """The first three faults that pydantic found, each with its place."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))[:80]}: {fault['msg'].removeprefix('Value error, ')[:160]}"
        for fault in error.errors()[:3]
    )
