"""Which maps of loops are of the kind that a link model was fitted with.

With how many places a place is joined tells the kind: loops as they were called join a bin with a few others, loops
between wide or merged anchors with dozens, and then nearly every link of an active gene has a "loop".
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crexpress.core.tracks import UNLIKE
from crexpress.links.scene import Scene
from crexpress.prepare.contacts import Contacts


def partners(contacts: Contacts) -> float:
    """With how many bins a bin has a contact, mean over the bins that have any; 0 for a map without any."""
    ends = np.concatenate([contacts.row, contacts.col])
    return len(ends) / max(len(np.unique(ends)), 1)


def unlike(contacts: Contacts, training: Sequence[float]) -> bool:
    """Whether a map is of another kind than all that a model was fitted with (their `partners`)."""
    return not min(training) / UNLIKE <= partners(contacts) <= max(training) * UNLIKE


def of_kind(scene: Scene, training: Sequence[float]) -> Scene:
    """The cell without the maps of loops that are of another kind; as it is for a model that reads no loops."""
    if not training:
        return scene
    return replace(scene, contacts=[one for one in scene.contacts if not unlike(one, training)])


def outside(scene: Scene, training: Sequence[float]) -> list[str]:
    """One sentence for every map of loops that `of_kind` leaves out."""
    told = []
    for contacts in scene.contacts:
        if training and unlike(contacts, training):
            files = ", ".join(source["name"] for source in contacts.header.get("sources", [])[1:]) or "a map of loops"
            low, high = f"{min(training):.1f}", f"{max(training):.1f}"
            told.append(
                f"{files} joins each place with {partners(contacts):.1f} others on average, loops in training with "
                f"{low if low == high else f'{low} to {high}'}: they are of another kind (called loops in one, wide or "
                "merged anchors in the other) and are left out; give loops as they were called, or fit a model of "
                "these (fit-links)"
            )
    return told
