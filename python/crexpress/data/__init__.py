"""Artefacts put together for a model: the element store, rows on a device, neighbours, loops, anchors."""
