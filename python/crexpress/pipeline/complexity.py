"""What a model costs: parameters, FLOPs of a gene, seconds and memory of a step (the papers' complexity tables).

Measured on random inputs of the right shape, so no data are needed; every point runs in a process of its own.
"""

import copy
import multiprocessing
import os
import resource
import shlex
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import polars as pl
import torch
from torch.utils.flop_counter import FlopCounterMode

from crexpress.core.device import THREADS, choose
from crexpress.core.errors import InputError
from crexpress.core.names import listed
from crexpress.core.schemas import read_json
from crexpress.models.base import Model
from crexpress.models.config import INPUTS, ModelConfig
from crexpress.models.folder import build
from crexpress.models.inputs import Features, GeneProfile, Tokens
from crexpress.pipeline import point_settings
from crexpress.prepare.profile_bins import columns
from crexpress.training import preset_file


class Shape(NamedTuple):
    """What the inputs are like: tracks of the points that name none, number of motifs, whether there is sequence."""

    tracks: tuple[str, ...]
    motifs: int
    sequence: bool


class Way(NamedTuple):
    """How steps are measured: genes a step (None: the preset's), steps timed after one to warm up, device."""

    batch_size: int | None
    steps: int
    device: str


def configure(settings: Mapping[str, Any], shape: Shape) -> tuple[ModelConfig, int]:
    """Architecture and batch size of a point: the preset with those settings that are the model's."""
    config, training = preset_file.read_with(settings["preset"], settings)
    inputs = listed(settings.get("inputs")) or INPUTS
    tracks = listed(settings.get("tracks")) or shape.tracks
    config = config.replace(
        tracks=tuple(tracks) if "tracks" in inputs else (),
        motifs=tuple(f"motif{number}" for number in range(shape.motifs)) if "motifs" in inputs else (),
        sequence=shape.sequence and "sequence" in inputs,
    )
    return config, training.batch_size


def read_runs(path: Path, command: click.Command) -> list[tuple[str, dict[str, Any]]]:
    """Models to train that make-plan or check-sweep laid out (runs.json), as points with their settings.

    Each once, whatever the seed. `command` is train's.
    """
    points: dict[str, dict[str, Any]] = {}
    try:
        for run in read_json(path.read_text()):
            if not run["trained"]:
                cells = point_settings.Cells([], [], {"": {*run["tracks"], *listed(run["settings"].get("tracks"))}})
                own = point_settings.base_settings(shlex.split(run["args"]), command, cells)
                own |= {"preset": run["preset"], "batch_size": run["batch_size"], "tracks": ",".join(run["tracks"])}
                own |= {"width": run["store"]["width"], "bin_size": run["store"]["bin_size"]}
                points[run["point"] + (" anchored" if run["of_mode"] else "")] = own
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} is not the list of runs that make-plan or check-sweep wrote; make it again") from None
    if not points:
        raise InputError(f"{path} has no model that is to be trained; there is nothing to measure")
    return list(points.items())


def table(points: Sequence[tuple[str, Mapping[str, Any]]], shape: Shape, way: Way) -> pl.DataFrame:
    """One row a point: `measure`'s figures and the window. Raises InputError for a point that no model can be built of.

    How many elements a window sees is up to the genome: its points count the most that they may see. Points that so
    cost the same are measured once.
    """
    settings = [(point, *configure(own, shape)) for point, own in points]
    for _, config, _ in settings:
        build(config)  # faults are told before minutes of measuring
    measured: dict[tuple[ModelConfig, int], dict[str, Any]] = {}
    rows = []
    context = multiprocessing.get_context("spawn")  # memory of one point must not count for the next
    for point, config, batch_size in settings:
        key = config.replace(window=0), way.batch_size or batch_size
        if key not in measured:
            measured[key] = _in_a_process(context, point, *key, way)
        rows.append({"point": point, **measured[key], "window": config.window})
    return pl.DataFrame(rows)


def _in_a_process(context: SpawnContext, point: str, config: ModelConfig, batch_size: int, way: Way) -> dict[str, Any]:
    """`measure`, by a pipe alone: the queues of a pool of processes need /dev/shm, which not every machine has."""
    reader, writer = context.Pipe(duplex=False)
    work = measure, config, batch_size, way
    process = context.Process(target=_send, args=(os.getpid(), writer, *work), daemon=True)
    process.start()
    writer.close()  # so that the end of the process is the end of what it sends
    try:
        figures = reader.recv()
    except EOFError:
        raise InputError(
            f"the system ended the process that measured '{point}', most likely for its memory; "
            "give a smaller --batch-size"
        ) from None
    finally:
        process.join()
    if isinstance(figures, Exception):
        raise figures
    return dict(figures)


def _send(parent: int, writer: Connection, work: Callable[..., dict[str, Any]], *given: Any) -> None:
    _end_with(parent)
    try:
        writer.send(work(*given))
    except Exception as error:
        writer.send(error)


def measure(config: ModelConfig, batch_size: int, way: Way) -> dict[str, Any]:
    """Parameters, GFLOP of a gene's prediction (2 a multiply-add, all its elements encoded), and a step's cost.

    A step is forward, backward and AdamW over `batch_size` genes that share no element, the worst case; seconds are the
    median. Memory is what a step adds to the process on a CPU, and the device's peak on a GPU.
    """
    device = choose(way.device)
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    model = build(config)
    gflop = count(model) / 1e9
    model.to(device)
    optimiser = torch.optim.AdamW(model.parameters())
    model.train()
    before = resident()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(way.steps + 1):
        features, present, distance = _inputs(config, batch_size, device)
        _wait(device)
        start = time.perf_counter()
        _predict(model, features, present, distance).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
        _wait(device)
        seconds.append(time.perf_counter() - start)
    taken = torch.cuda.max_memory_allocated() if device.type == "cuda" else peak() - before
    return {
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "gflop_per_gene": gflop,
        "batch_size": batch_size,
        "neighbours": config.neighbours,
        "seconds_per_step": statistics.median(seconds[1:]),
        "peak_memory_gb": taken / 1e9,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
    }


def _end_with(parent: int) -> None:
    """End this process when the one that started it is killed: nobody would read what it measures."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def count(model: Model) -> int:
    """FLOPs of predicting one gene, all its elements encoded, in the plain form of every layer."""
    device = torch.device("meta")  # shapes alone: a CPU would take short cuts
    model = copy.deepcopy(model).to(device).eval()
    features, present, distance = _inputs(model.config, 1, device)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        _predict(model, features, present, distance)
    return int(counter.get_total_flops())


def _predict(model: Model, features: Features, present: torch.Tensor, distance: torch.Tensor) -> torch.Tensor:
    genes, tokens = present.shape
    rows = 1 if model.config.loop_rows == "gene" else tokens
    profile = _profile(model.config, genes, present.device) if model.config.profile_width else None
    loops = None if model.config.loop_rows == "none" else torch.zeros(genes, rows, tokens, device=present.device)
    vectors = model.embed(features).view(genes, tokens, -1)
    return model.predict(Tokens(vectors, present, distance, loops, profile)).expression


def _inputs(config: ModelConfig, genes: int, device: torch.device) -> tuple[Features, torch.Tensor, torch.Tensor]:
    tokens = config.neighbours + 1
    elements = genes * tokens
    features = Features(
        signals=torch.rand(elements, config.signal_channels, config.width // config.bin_size, device=device),
        present=torch.ones(elements, config.signal_channels, dtype=torch.bool, device=device),
        codes=torch.randint(0, 4, (elements, config.width), dtype=torch.uint8, device=device),
        motifs=torch.rand(elements, len(config.motifs), device=device),
    )
    distance = torch.as_tensor(np.linspace(-1e5, 1e5, tokens), dtype=torch.float32, device=device)
    return features, torch.ones(genes, tokens, dtype=torch.bool, device=device), distance.repeat(genes, 1)


def _profile(config: ModelConfig, genes: int, device: torch.device) -> GeneProfile:
    channels = config.profile_channels
    return GeneProfile(
        torch.rand(genes, channels, columns(config.profile_edges), device=device),
        torch.ones(genes, channels, dtype=torch.bool, device=device),
        torch.rand(genes, config.gene_facts, device=device),
    )


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def peak() -> int:
    """Largest resident memory of this process so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def resident() -> int:
    """Resident memory of this process, bytes; its peak where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return peak()
