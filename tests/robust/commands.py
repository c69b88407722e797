"""A call of every tool on the small sound files, and running one in a process of its own without importing anew."""

import hashlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from made import CELL, LENGTHS
from tools import BIN

RUNS = "measure-complexity"  # writes times: only that it succeeds can be compared
ELSEWHERE = ("score-enformer",)  # in an environment of its own, of weights that do not ship: tests/python/interpret
IMPORTED = ("polars", "torch", "numba", "pysam", "sklearn", "scipy.stats", "matplotlib.pyplot", "pybigtools", "jinja2")


def commands(sound: Path, out: Path) -> dict[str, list[Any]]:
    """Options of every tool; all that it writes goes into `out`."""
    one, two, linked = f"{CELL}.", "B.", sound / "linked"

    def given(kind: str, *cells: str, ending: str = "safetensors", place: Path = sound) -> list[Any]:
        return [word for cell in cells for word in (f"--{kind}", place / f"{kind}.{cell}{ending}")]

    store = ["--elements", sound / "elements.parquet", "--genes", sound / "genes.parquet"]
    small = ["--elements", linked / "elements.parquet", "--genes", linked / "genes.parquet"]
    of_k = ["--signals", linked / "signals.K.safetensors"]
    both = [*given("signals", one, two), *given("expression", one, two, ending="parquet")]
    split = ["--val", "chr2", "--test", "chr3", "--threads", 1]
    tracks = [word for t in ("dnase", "h3k27ac") for word in ("--track", f"{t}={sound / f'{CELL}.{t}.bw'}")]
    applied = [*store, *given("signals", one), *given("profiles", one), "--model", sound / "model", "--threads", 1]
    predictions = given("predictions", one, ending="parquet")
    links = given("links", one, ending="parquet")
    reader = [*store, *given("signals", one), "--model", sound / "reader", "--threads", 1]
    genes = ["--ask-genes", "NAME0,NAME3"]
    bases = ["--sequence", sound / "sequence.safetensors"]
    cres = ["--elements", sound / "elements.parquet"]
    quick = ["--preset", "crexpress-small", "--neighbours", 4, "--steps", 4, "--validate-every", 2]
    return {
        "attribute": [*reader, *bases, *genes, "--logos", 1, "--outdir", out],
        "build-loops": ["--elements", sound / "elements.parquet", "--cell", CELL, "--loops", sound / "loops.bedpe",
                        "--output", out / "contacts.npz"],
        "check-files": ["--gtf", sound / "genes.gtf", "--table", CELL, "rna", sound / "rsem.genes.results", "--ccres",
                        sound / "ccres.bed", "--output", out / "warnings.txt"],
        "check-samplesheet": ["--samplesheet", sound / "sheet.csv", "--tracks", "dnase", "--output", out / "valid.csv"],
        "check-setup": ["--device", "cpu", "--output", out / "setup.json"],
        "check-sweep": ["--samplesheet", sound / "sheet.validated.csv", "--sweep", sound / "sweep.yml", "--output",
                        out / "runs.json", "--", "--preset", "scpge-small"],
        "classify-genes": [*store, *given("signals", one), *given("expression", one, ending="parquet"), *predictions,
                           "--split", "all", "--high", 0.6, "--low", 0.4, "--resamples", 20, "--outdir", out],
        "compare": ["--runs", _one_run(sound), "--metrics", f"all={sound / 'metrics.parquet'}", "--outdir", out],
        "embed": [*applied, *given("expression", one, ending="parquet"), "--most", 60, "--outdir", out],
        "ensemble": [*predictions, *predictions, "--outdir", out],
        "evaluate": [*store, *both, *predictions, *links, "--resamples", 20, "--outdir", out],
        "export-links": [*links, *cres, "--top", 2, "--genome", "hg38", "--outdir", out],
        "extract-signals": [*store, "--cell", CELL, *tracks, "--output", out / f"signals.{CELL}.safetensors"],
        "find-active": [*links, *cres, "--k", 2, "--resamples", 20, "--outdir", out],
        "find-motifs": [*store, *bases, "--motif-file", sound / "motifs.meme",
                        "--active", sound / "active.txt", "--outdir", out],
        "fit-baselines": [*store, *both, "--neighbours", 2, *split, "--outdir", out],
        "fit-links": [*small, *of_k, "--crispr", f"s={linked / 'screen.tsv'}", "--folds", 3,
                      "--evidence", "distance,abc", "--output", out / "fit.safetensors"],
        "interpret": [*applied, "--outdir", out],
        "make-plan": ["--samplesheet", sound / "sheet.csv", "--ccres", "--tracks", "dnase,h3k27ac", "--sweep",
                      sound / "sweep.yml", "--gtf", sound / "genes.gtf", "--chrom-sizes", sound / "genome.sizes",
                      "--outdir", out, "--", "--preset", "scpge-small", "--val", "chr2", "--test", "chr3"],
        "map-attention": [*applied, *genes, "--cool", "--outdir", out],
        "match-quantiles": [*given("signals", one), "--reference", sound / "signals.B.safetensors", "--outdir", out],
        "measure-complexity": ["--preset", "scpge-small", "--no-sequence", "--steps", 1, "--batch-size", 2,
                               "--threads", 1, "--device", "cpu", "--outdir", out],
        "merge-ccres": ["--ccres", sound / "ccres.bed", "--gtf", sound / "genes.gtf", "--fasta", sound / "genome.fa.gz",
                        "--outdir", out],
        "mutate-elements": [*reader, *bases, "--ask-genes", "NAME0", "--heat-maps", 1,
                            "--outdir", out],
        "plot-locus": [*store, *given("signals", one), *predictions, *links, *genes, "--outdir", out],
        "predict": [*applied, "--outdir", out],
        "quantify-expression": ["--genes", sound / "genes.parquet", "--cell", CELL,
                                "--rna", sound / "rsem.genes.results", "--outdir", out],
        "report": [*store, *both, *predictions, *links, "--metrics", sound / "metrics.parquet",
                   "--model", sound / "model", "--title", "<img src=x onerror=alert(1)>", "--outdir", out],
        "score-links": [*small, *of_k, "--link-model", linked / "tiny.safetensors", "--window", 60_000,
                        "--outdir", out],
        "score-motifs": ["--elements", sound / "elements.parquet", "--fasta", sound / "genome.fa.gz", "--motifs",
                         sound / "motifs.meme", "--p-value", "0.001", "--threads", 1, "--outdir", out],
        "score-variants": [*reader, *bases, "--variants", sound / "variants.vcf",
                           "--fasta", sound / "genome.fa.gz", "--outdir", out],
        "silence-together": [*applied, *genes, "--windows", "10000", "--pairs", 3, "--outdir", out],
        "simulate": ["--seed", 3, "--genes", 50, "--chromosomes", 3, "--cells", 3, "--outdir", out / "simulated"],
        "train": [*store, *both, *given("profiles", one, two), *quick, *split, "--outdir", out / "model"],
    }  # fmt: skip


def _one_run(sound: Path) -> Path:
    """runs.json of one point, as compare takes it."""
    path = sound / "one-run.json"
    if not path.exists():
        path.write_text('[{"point": "all", "settings": {"layers": "1"}, "trained": false}]\n')
    return path


def groups(count: int = 6) -> list[list[str]]:
    """All tools, some at a time: a process imports for all of its own once, which takes seconds."""
    tools = sorted(commands(Path("/tmp"), Path("/tmp")))
    return [tools[first::count] for first in range(count)]


def prepare() -> None:
    """Import once what the tools take seconds to import; nothing is computed, so that forked children are as new."""
    for name in IMPORTED:
        __import__(name)


def start(tool: str, options: list[Any], log: Path, around: Any = None, anew: bool = False) -> int:
    """Fork a process that runs the tool as from the shell; its id. `around` is called in it first.

    anew: by a new Python, which imports all itself: what is not there must be missed by imports too.
    """
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.setpgid(0, 0)  # what it starts is found by this
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.argv = [tool, *map(str, options)]
        if around:
            around()
        if anew:
            os.execv(sys.executable, [sys.executable, str(BIN / tool), *sys.argv[1:]])
        from importlib.machinery import SourceFileLoader
        from importlib.util import module_from_spec, spec_from_loader

        loader = SourceFileLoader(tool.replace("-", "_"), str(BIN / tool))
        module = module_from_spec(spec_from_loader(loader.name, loader))  # type: ignore[arg-type]
        loader.exec_module(module)
        module.main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def finish(process: int) -> int:
    """Exit code; minus the signal of one that was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def left_behind(process: int, seconds: float = 20) -> bool:
    """Whether anything that the process started runs on (one that starts imports PyTorch first); it is ended."""
    for _ in range(int(seconds * 10)):
        try:
            os.killpg(process, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    os.killpg(process, signal.SIGKILL)
    return True


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under a final name: hidden ones are the tools' own."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in parts):
            found["/".join(parts)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


__all__ = [
    "ELSEWHERE",
    "LENGTHS",
    "RUNS",
    "commands",
    "contents",
    "finish",
    "groups",
    "left_behind",
    "prepare",
    "start",
]
