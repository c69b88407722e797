"""Element encoders by the name that a preset gives: a new one is a file here and a line below.

Another package names its own by an entry point of the group `crexpress.encoders`, a script by `ENCODERS.register`. An
encoder is a module built from a ModelConfig; it takes Features of elements and gives their vectors
[elements, width_model], each independent of the others in eval mode.
"""

from typing import Any

from crexpress.core.registry import Registry

ENCODERS: Registry[Any] = Registry(
    "crexpress.encoders",
    {
        "convolution": "crexpress.models.encoders.convolution:ConvolutionEncoder",
        "transformer": "crexpress.models.encoders.transformer:TransformerEncoder",
    },
)
