"""The elements' bases and the motifs in them: what score-motifs writes."""

from pathlib import Path

from crexpress.core import artifacts, log
from crexpress.core.errors import InputError
from crexpress.formats.meme import name_factors, read_meme
from crexpress.prepare import motif_scores, sequence
from crexpress.prepare.motif_hits import hits_table


def write(
    *,
    elements: Path,
    fasta: Path,
    meme: Path | None,
    factors: Path | None,
    mode: motif_scores.Mode,
    pseudocount: float,
    p_value: float | None,
    threads: int,
    outdir: Path,
) -> None:
    """Write sequence.safetensors and, with `meme`, motifs.safetensors and motif_hits.parquet to `outdir`.

    The settings are the tool's options. Raises InputError where they, or the files, do not go together.
    """
    if factors and not meme:
        raise InputError("--factors names the genes of --motifs; give both")
    if p_value and not (meme and mode == "log-odds"):
        raise InputError("--p-value needs --motifs and --mode log-odds, whose scores have a p-value")
    motif_set = read_meme(meme) if meme else None  # a fault of the motifs shows before the work
    if motif_set and factors:
        motif_set, named = name_factors(motif_set, factors)
        log.say(f"{factors}: names the gene of {named} of {len(motif_set.motifs)} motifs")
    table, header = artifacts.read_table(elements, "elements")
    parameters = header["parameters"]
    path = outdir / "sequence.safetensors"
    stored = artifacts.make_header("sequence", "score-motifs", elements=header["elements"], sources=[elements, fasta])
    specs = {"codes": ("uint8", (table.height, parameters["width"]))}
    with artifacts.create_arrays(path, specs, stored) as out:
        sequence.extract(table, dict(parameters["chromosomes"]), fasta, out["codes"])
    log.say(f"{table.height:,} elements of {parameters['width']} bp -> {path}")
    if motif_set is None or meme is None:
        log.say("No --motifs: no motif scores")
        return

    codes = artifacts.open_arrays(path, "sequence").tensors["codes"]
    number = len(motif_set.motifs)
    path = outdir / "motifs.safetensors"
    choices = {"pseudocount": pseudocount, "resolution": motif_scores.resolution(motif_set, pseudocount)}
    stored = artifacts.make_header(
        "motifs",
        "score-motifs",
        elements=header["elements"],
        parameters={
            "motifs": motif_set.names,
            "factors": motif_set.factors,
            "mode": mode,
            "background": motif_set.background.tolist(),
            **(choices if mode == "log-odds" else {}),
        },
        units={"mean": "bits", "sd": "bits", "resolution": "bits"} if mode == "log-odds" else {},
        sources=[elements, fasta, meme, *([factors] if factors else [])],
    )
    arrays: dict[str, tuple[str, tuple[int, ...]]] = {"scores": ("float16", (table.height, number))}
    if mode == "log-odds":
        arrays |= {"mean": ("float32", (number,)), "sd": ("float32", (number,))}
    reference = (table["class"] != "TSS").to_numpy()
    with artifacts.create_arrays(path, arrays, stored) as out:
        if p_value is None:
            motif_scores.score(codes, motif_set, mode, reference, out, pseudocount, threads)
        else:
            finder = motif_scores.hit_finder(motif_set, p_value, pseudocount)
            stored = stored | {"kind": "motif_hits", "parameters": stored["parameters"] | {"p_value": p_value}}
            stored["units"] = {"score": "bits"}
            hits_path = outdir / "motif_hits.parquet"
            with artifacts.create_table(hits_path, stored) as append:
                motif_scores.score(
                    *(codes, motif_set, mode, reference, out, pseudocount, threads, finder),
                    lambda hits: append(hits_table(hits, table, motif_set.names, finder.widths)),
                )
            out_of_reach = int(finder.unreachable.sum())
            log.say(f"matches with p <= {p_value:g} -> {hits_path}; {out_of_reach} motifs are too short to have one")
    log.say(f"{number} motifs in {table.height:,} elements -> {path}")
