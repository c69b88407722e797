"""Sequences in another order, the same one each time."""

import torch
from torch import Tensor


def shuffle_codes(codes: Tensor, element: Tensor) -> Tensor:
    """Codes [rows, width] with the bases of each row in an order that follows from the element's number [rows] alone.

    The composition is kept. Nothing is drawn, so an element looks alike in every batch and on every device.
    """
    width = codes.shape[1]
    x = element.unsqueeze(1) * width + torch.arange(width, device=codes.device) + 1
    for factor in (-4658895280553007687, -7723592293110705685):  # the mixing of splitmix64
        x = (x ^ (x >> 30)) * factor
    return codes.gather(1, (x ^ (x >> 31)).argsort(dim=1))
