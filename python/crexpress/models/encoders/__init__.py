"""Element encoders by the name that a preset gives: a new one is a file here and a line below.

An encoder is a module built from a ModelConfig; it takes Features of elements and gives their vectors
[elements, width_model], each independent of the others in eval mode.
"""

from torch import nn

from crexpress.models.encoders.convolution import ConvolutionEncoder
from crexpress.models.encoders.transformer import TransformerEncoder

ENCODERS: dict[str, type[nn.Module]] = {"convolution": ConvolutionEncoder, "transformer": TransformerEncoder}
