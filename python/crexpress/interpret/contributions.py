"""Contributions of single inputs to a gene's predicted expression: integrated gradients, by captum.

Sundararajan et al. 2017: the gradient is averaged along the straight way from a background to the inputs. Contributions
then sum to the difference between the two predictions; how far they miss it is measured for each link, and the number
of steps is raised until it is small. With shuffled backgrounds they are expected gradients (Erion et al. 2021).
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from crexpress.apply.predict import encode
from crexpress.core import log
from crexpress.core.errors import InputError
from crexpress.data.store import Store
from crexpress.interpret.chosen import Pairs
from crexpress.interpret.extras import needed
from crexpress.interpret.link_view import Inputs, LinkView
from crexpress.models.base import Model

Background = Literal["silent", "shuffled"]
STEPS, MOST_STEPS = 16, 512
GOOD, WORST = 0.01, 0.05  # median error of completeness: raised to, and refused above
LEAST = 1e-3  # an effect smaller than this, in the unit of the target, is taken for this in the error
FELT = 1e-2  # from which an effect is noticeable: links of less, which are many, vouch for none of these
LINKS_AT_ONCE = 64


class Contributions(NamedTuple):
    """Of some links [N, ...], windows along the genome's plus strand. `hypothetical` [N, 4, width] is what each base
    would contribute in place of the one that is there, `bases` [N, 4, width]; their product is the contribution.
    """

    pairs: Pairs
    element: np.ndarray
    predicted: np.ndarray
    effect: np.ndarray  # prediction less that of the background (the mean over backgrounds)
    error: np.ndarray  # |sum of contributions - effect| / max(|effect|, LEAST)
    steps: np.ndarray
    bases: np.ndarray
    hypothetical: np.ndarray
    signals: np.ndarray
    motifs: np.ndarray
    profile: np.ndarray


def contributions(
    model: Model,
    store: Store,
    cell: int,
    pairs: Pairs,
    background: Background = "silent",
    shuffles: int = 10,
    seed: int = 1,
    tokens: int = 200_000,
) -> Iterator[Contributions]:
    """Contributions of links, some at a time, in their order; `tokens` at once bound the memory.

    background "silent": an element of which nothing is known, so that contributions sum to the link's perturbation.
    "shuffled": `shuffles` sequences with the element's own dinucleotides, all else as it is, so that they are those of
    the bases alone. Raises InputError when the median error of all links, or of those with a noticeable effect, stays
    above 5 %, and says so above 1 %; and how many of the latter miss theirs by more than 5 %.
    """
    if background == "shuffled" and not model.config.sequence:
        raise InputError("this model reads no sequence, so there is nothing to shuffle; take the background silent")
    if not (model.config.sequence or model.config.tracks or model.config.motifs):
        raise InputError("this model reads nothing of its elements")
    vectors = encode(model, store, cell, genes=np.unique(pairs.gene))
    errors, effects = [np.zeros(0)], [np.zeros(0)]
    parts = [Pairs(pairs.gene[at : at + LINKS_AT_ONCE], pairs.column[at : at + LINKS_AT_ONCE])
             for at in range(0, len(pairs.gene), LINKS_AT_ONCE)]  # fmt: skip
    for part in log.progress(parts, "contributions"):
        view = LinkView(model, store, cell, part, vectors)
        found = _of_view(view, background, shuffles, seed, view.rows_at_once(tokens))
        errors.append(found.error)
        effects.append(np.abs(found.effect))
        yield found
    require_complete(np.concatenate(errors), np.concatenate(effects), "integrated gradients")


def require_complete(errors: np.ndarray, effects: np.ndarray, method: str) -> None:
    """Raise InputError for contributions that do not sum to what they explain; say so where they hardly do.

    `errors` and sizes of `effects` of links [N]; see `contributions` for the rule.
    """
    felt = errors[effects >= FELT]
    error = max((float(np.median(part)) for part in (errors, felt) if len(part)), default=0.0)
    if (felt > WORST).any():
        log.say(
            f"contributions of {(felt > WORST).sum():,} of {len(felt):,} links with an effect of {FELT} or more miss "
            f"it by more than {WORST:.0%}, at most by {felt.max():.0%}: see their column error"
        )
    if error > WORST:
        raise InputError(
            f"the contributions by {method} miss the effect that they should sum to by {error:.1%} in the median, "
            f"above {WORST:.0%}, with up to {MOST_STEPS} steps; they say nothing of this model"
        )
    if error > GOOD:
        log.say(f"contributions by {method} miss the effect that they should sum to by {error:.1%} in the median")


def _of_view(view: LinkView, background: Background, shuffles: int, seed: int, rows: int) -> Contributions:
    count = len(view.element)
    every = torch.arange(count, device=view.store.device)
    predicted = view.of(view.inputs, every, rows)
    backgrounds = [view.silent] if background == "silent" else _shuffled(view, shuffles, seed)
    start = torch.stack([view.of(inputs, every, rows) for inputs in backgrounds]).mean(0)
    effect = (predicted - start).double()
    error, steps = np.full(count, np.inf), np.zeros(count, np.int64)
    found = Inputs(*(torch.zeros_like(part, dtype=torch.float64) for part in view.inputs))
    hypothetical = torch.zeros_like(found.bases)
    wanted, number = np.arange(count), STEPS
    while len(wanted) and number <= MOST_STEPS:
        link = torch.from_numpy(wanted).to(view.store.device)
        for part in (*found, hypothetical):
            part[link] = 0
        for inputs in backgrounds:
            slopes = gradients(view, inputs, link, number, rows)
            for total, slope, own, start_part in zip(found, slopes, view.inputs, inputs, strict=True):
                total[link] += slope * (own[link] - start_part[link]) / len(backgrounds)
            if view.inputs.bases.shape[2]:
                slope, base = slopes.bases, inputs.bases[link]
                hypothetical[link] += (slope - (slope * base).sum(1, keepdim=True)) / len(backgrounds)
        missed = (sum(part.flatten(1).sum(1) for part in found) - effect).abs() / effect.abs().clamp(min=LEAST)
        error[wanted], steps[wanted] = missed[link].cpu().numpy(), number
        wanted, number = np.flatnonzero(error > GOOD), 2 * number
    turned = view.turned
    return Contributions(
        view.pairs,
        view.element,
        predicted.cpu().numpy(),
        effect.float().cpu().numpy(),
        error,
        steps,
        _turn(view.inputs.bases, turned, (1, 2)),
        _turn(hypothetical, turned, (1, 2)),
        _turn(found.signals, turned, (2,)),
        _turn(found.motifs, turned & False, ()),
        _turn(found.profile, turned & False, ()),
    )


def gradients(view: LinkView, background: Inputs, link: Tensor, steps: int, rows: int) -> Inputs:
    """Mean gradient of some links along the way from a background to their inputs, `rows` points of it at once."""
    with needed("captum"):
        from captum.attr import IntegratedGradients
    read = [kind for kind, part in enumerate(view.inputs) if part.numel()]  # captum takes no empty inputs

    def of_read(*parts: Tensor) -> Tensor:
        *given, link = parts
        every = [part[link] for part in view.inputs]
        for kind, part in zip(read, given, strict=True):
            every[kind] = part
        return view(*every, link)

    method = IntegratedGradients(of_read, multiply_by_inputs=False)
    found = [torch.zeros_like(part[link]) for part in view.inputs]
    for some in torch.arange(len(link), device=link.device).split(max(1, rows // steps)):
        slopes = method.attribute(
            tuple(view.inputs[kind][link[some]] for kind in read),
            tuple(background[kind][link[some]] for kind in read),
            additional_forward_args=(link[some],),
            n_steps=steps,
            method="gausslegendre",
            internal_batch_size=rows if len(some) * steps > rows else None,
        )
        for kind, slope in zip(read, slopes, strict=True):
            found[kind][some] = slope
    return Inputs(*found)


def _shuffled(view: LinkView, count: int, seed: int) -> list[Inputs]:
    """The inputs with each link's bases shuffled, `count` times; the same element is always shuffled alike."""
    with needed("tangermeme"):
        from tangermeme.ersatz import dinucleotide_shuffle
    made = {}
    for number, element in enumerate(view.element.tolist()):
        if element not in made:
            own = view.inputs.bases[number : number + 1].cpu()
            made[element] = dinucleotide_shuffle(own, n=count, random_state=(seed + element) % 2**32, allow_N=True)[0]
    every = torch.stack([made[element] for element in view.element.tolist()], 1).to(view.inputs.bases)
    return [view.inputs._replace(bases=bases) for bases in every]


def _turn(values: Tensor, turned: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """float32 on the host, windows of minus-strand genes turned back to the plus strand."""
    array: np.ndarray = values.float().cpu().numpy()
    if axes and turned.any() and array.size:
        array[turned] = np.flip(array[turned], axes)
    return array
