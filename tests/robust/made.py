"""One small sound file of every kind that crexpress reads, users' and its own; its own are made by the tools."""

import gzip
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import torch

import link_case
from bigwigs import peaks, write_bigwig
from crexpress.core import artifacts
from crexpress.models.config import ModelConfig
from crexpress.models.regulatory import RegulatoryModel
from crexpress.training.presets import read_preset
from tools import run

ROOT = Path(__file__).parents[2]
TEST, CHR20 = ROOT / "assets/test", ROOT / "assets/chr20"
LENGTHS = {"chr1": 120_000, "chr2": 90_000, "chr3": 60_000}
CELL = "A"


def make(folder: Path) -> None:
    """Fill `folder`; everything in it is small, so that a case of the fuzz takes milliseconds."""
    folder.mkdir(parents=True, exist_ok=True)
    genome(folder)
    _reads(folder)
    _tables(folder)
    _loops(folder)
    _artefacts(folder)
    _links(folder)


def _must(tool: str, *options: Any) -> None:
    done = run(tool, *options)
    assert done.exit_code == 0, f"{tool}: {done.output}"


def genome(folder: Path) -> None:
    rng = np.random.default_rng(0)
    (folder / "genome.sizes").write_text("".join(f"{name}\t{size}\n" for name, size in LENGTHS.items()))
    lines, genes, symbols = [], [], []
    for chrom, size in LENGTHS.items():
        text = "".join(np.array(list("ACGT"))[rng.integers(0, 4, size)])
        lines += [f">{chrom}", *(text[low : low + 80] for low in range(0, size, 80))]
    (folder / "genome.fa").write_text("\n".join(lines) + "\n")
    pysam.faidx(str(folder / "genome.fa"))
    pysam.tabix_compress(str(folder / "genome.fa"), str(folder / "genome.fa.gz"))
    pysam.faidx(str(folder / "genome.fa.gz"))
    ccres = []
    for chrom, size in LENGTHS.items():
        for at in range(2_000, size - 3_000, 1_500):
            kind = ("PLS", "pELS", "dELS", "CTCF-only,CTCF-bound")[len(ccres) % 4]
            ccres.append(f"{chrom}\t{at}\t{at + 300}\tEH38D{len(ccres):07}\tEH38E{len(ccres):07}\t{kind}")
        for at in range(5_000, size - 10_000, 9_000):
            name, strand = f"ENSG{len(genes):011}.1", "+-"[len(genes) % 2]
            symbols.append((name, f"NAME{len(genes)}"))
            about = f'gene_id "{name}"; gene_type "protein_coding"; gene_name "NAME{len(genes)}";'
            genes += [f"{chrom}\tX\tgene\t{at}\t{at + 3000}\t.\t{strand}\t.\t{about}"]
            about += f' transcript_id "ENST{len(genes):011}.1"; tag "basic"; tag "Ensembl_canonical";'
            genes += [f"{chrom}\tX\ttranscript\t{at}\t{at + 3000}\t.\t{strand}\t.\t{about}"]
            genes += [f"{chrom}\tX\texon\t{at}\t{at + 500}\t.\t{strand}\t.\t{about}"]
    (folder / "ccres.bed").write_text("\n".join(ccres) + "\n")
    screen9 = [f"{line.rsplit(chr(9), 1)[0]}\t0\t.\t9\t99\t255,205,0\tdELS" for line in ccres]
    (folder / "ccres9.bed").write_text("\n".join(screen9) + "\n")
    (folder / "genes.gtf").write_text("##description\n" + "\n".join(genes) + "\n")
    (folder / "exons.gtf").write_text("\n".join(line for line in genes if "\texon\t" in line) + "\n")
    bed = [f"chr1\t{at}\t{at + 900}\tG{at}\t0\t+\tNAME{at}\tprotein_coding" for at in range(5_000, 90_000, 5_000)]
    (folder / "genes.bed").write_text("\n".join(bed) + "\n")
    _must("merge-ccres", "--ccres", folder / "ccres.bed", "--gtf", folder / "genes.gtf", "--chrom-sizes",
          folder / "genome.sizes", "--outdir", folder)  # fmt: skip
    table, _ = artifacts.read_table(folder / "genes.parquet", "genes")
    rows = zip(*(table[name] for name in ("chrom", "tss", "gene_id", "strand")), strict=True)
    listed = [f"{chrom}\t{tss}\t{tss + 1}\t{name}\t0\t{strand}" for chrom, tss, name, strand in rows]
    (folder / "tss.bed").write_text("\n".join(listed) + "\n")
    cut = next(number for number, line in enumerate(lines) if line == ">chr2")
    base = "".join(lines[1:cut])[3_100]  # of the second cCRE, counted from 0
    (folder / "variants.vcf").write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"chr1\t3101\trs1\t{base}\t{'ACGT'['ACGT'.index(base) - 1]}\t.\t.\t.\n"
    )
    (folder / "active.txt").write_text("".join(f"{line.split(chr(9))[4]}\n" for line in ccres[3:60:2]))
    (folder / "names.tsv").write_text("# genome\taccession\n" + "".join(f"{n}\tNC_{n[3:]}.1\n" for n in LENGTHS))
    (folder / "symbols.txt").write_text("\n".join("\t".join(pair) for pair in symbols))
    motifs = (TEST / "motifs.meme").read_text().split("MOTIF")
    (folder / "motifs.meme").write_text("MOTIF".join(motifs[:6]))
    (folder / "factors.tsv").write_text("".join(f"TF0{n}.SIM\tNAME{n}\n" for n in range(1, 6)))


def _reads(folder: Path) -> None:
    write_bigwig(folder / "track.bw", LENGTHS, peaks(1, LENGTHS, 900, 400))
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": name, "LN": size} for name, size in LENGTHS.items()]}
    rng = np.random.default_rng(3)
    with pysam.AlignmentFile(str(folder / "reads.bam"), "wb", header=header) as file:
        for number in range(300):
            read = pysam.AlignedSegment()
            read.query_name, read.query_sequence, read.flag = f"r{number}", "A" * 30, 16 * int(rng.integers(2))
            read.reference_id, read.reference_start = int(rng.integers(3)), int(rng.integers(50_000))
            read.mapping_quality, read.cigarstring = 60, "30M"
            file.write(read)
    rows = sorted((f"chr{rng.integers(1, 4)}", int(rng.integers(50_000))) for _ in range(300))
    fragments = "".join(f"{chrom}\t{at}\t{at + 150}\tCELL{at % 7}\t{1 + at % 3}\n" for chrom, at in rows)
    with gzip.open(folder / "a.fragments.tsv.gz", "wt") as file:
        file.write(fragments)
    cage = "".join(f"{chrom}\t{at}\t{at + 1}\tx\t{at % 9}\t{'+-'[at % 2]}\n" for chrom, at in rows)
    (folder / "cage.bed").write_text(cage)
    (folder / "cage.ctss").write_text("".join(f"{chrom}\t{at + 1}\t{'+-'[at % 2]}\t{at % 9}\n" for chrom, at in rows))


def _tables(folder: Path) -> None:
    pairs = [line.split("\t") for line in (folder / "symbols.txt").read_text().splitlines()]
    heads = {
        "rsem.genes.results": ("gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM",
                               "{0}\tT{1}\t900.5\t700.5\t12.5\t{2}.25\t3.5"),
        "quant.genes.sf": ("Name\tLength\tEffectiveLength\tTPM\tNumReads", "{0}\t900\t700.5\t{2}.25\t17.5"),
        "abundance.tsv": ("target_id\tlength\teff_length\test_counts\ttpm", "{0}\t900\t700\t12.5\t{2}.25"),
        "counts.txt": ("# Program:featureCounts\nGeneid\tChr\tStart\tEnd\tStrand\tLength\ta.bam",
                       "{0}\tchr1;chr1\t1;9\t5;99\t+;+\t900\t{2}"),
        "gene_abund.tab": ("Gene ID\tGene Name\tReference\tStrand\tStart\tEnd\tCoverage\tFPKM\tTPM",
                           "{0}\t{1}\tchr1\t+\t1\t900\t2.5\t3.5\t{2}.25"),
        "matrix.csv": ('"","K562.x"', '"{0}",{2}.75'),
        "two.tsv": ("", "{0}\t{2}.5"),
        "symbols.tsv": ("gene_name\tTPM", "{1}\t{2}.5"),
        "cuff.fpkm_tracking": ("tracking_id\tclass_code\tnearest_ref_id\tgene_id\tgene_short_name\ttss_id\tlocus\t"
                               "length\tcoverage\tFPKM\tFPKM_status",
                               "{0}\t-\t-\t{0}\t{1}\t-\tchr1:1-9\t-\t-\t{2}.5\tOK"),
        "a.gct": (f"#1.2\n{len(pairs)}\t1\nName\tDescription\tLiver", "{0}\t{1}\t{2}.5"),
    }  # fmt: skip
    for name, (head, row) in heads.items():
        rows = [row.format(gene, symbol, number) for number, (gene, symbol) in enumerate(pairs)]
        (folder / name).write_text("\n".join(([head] if head else []) + rows) + "\n")
    for number, cell in enumerate((CELL, "B")):
        tracks = []
        for place, track in enumerate(("dnase", "h3k27ac")):
            path = write_bigwig(
                folder / f"{cell}.{track}.bw", LENGTHS, peaks(10 + 2 * number + place, LENGTHS, 900, 400)
            )
            tracks += ["--track", f"{track}={path}"]
        _must("extract-signals", "--elements", folder / "elements.parquet", "--genes", folder / "genes.parquet",
              "--cell", cell, *tracks, "--output", folder / f"signals.{cell}.safetensors")  # fmt: skip
        _must("quantify-expression", "--genes", folder / "genes.parquet", "--cell", cell,
              "--rna", folder / "rsem.genes.results", "--outdir", folder)  # fmt: skip
    sheet = ["cell,assay,file,replicate,column,meta_lab"]
    for cell in (CELL, "B"):
        sheet += [f"{cell},{track},{cell}.{track}.bw,1,,x" for track in ("dnase", "h3k27ac")]
        sheet += [f"{cell},rna,rsem.genes.results,1,{'TPM' if cell == CELL else 'FPKM'},y"]
    sheet += [f"{CELL},loops,loops.bedpe,1,,", f"{CELL},ccres,ccres.bed,1,,"]
    (folder / "sheet.csv").write_text("\n".join(sheet) + "\n")
    (folder / "preset.json").write_text((ROOT / "python/crexpress/models/presets/scpge-small.json").read_text())
    (folder / "sweep.yml").write_text(
        "seeds: [1, 2]\nsettings: {preset: scpge-small, steps: 9}\npoints:\n  all: {}\n"
        "  short: {neighbours: 4, tracks: [dnase]}\n  out: {holdout_cells: B}\n"
        "grid:\n  layers: [0, 1]\n  learning_rate: [0.001, 1e-4]\n"
    )
    (folder / "sheet.validated.csv").write_text(
        "cell,assay,file,replicate,column,role\n"
        + "".join(f"{cell},{assay},{cell}.{assay}.bw,1,,train\n" for cell in (CELL, "B") for assay in ("dnase", "rna"))
    )
    _must("check-sweep", "--samplesheet", folder / "sheet.validated.csv", "--sweep", folder / "sweep.yml",
          "--output", folder / "runs.json", "--", "--preset", "scpge-small")  # fmt: skip
    screen = CHR20 / "EPCrisprBenchmark.training_K562.GRCh38.chr20_0-10Mb.tsv.gz"
    (folder / "screen20.tsv").write_bytes(gzip.decompress(screen.read_bytes()))


def _loops(folder: Path) -> None:
    import hictkpy

    rng = np.random.default_rng(5)
    names = list(LENGTHS)
    ends = [(names[n % 3], 5_000 * int(a), 5_000 * int(a + b)) for n, (a, b) in
            enumerate(zip(rng.integers(0, 5, 40), rng.integers(1, 6, 40), strict=True))]  # fmt: skip
    bedpe = [f"{c}\t{a}\t{a + 5000}\t{c}\t{b}\t{b + 5000}\t.\t{n + 1}" for n, (c, a, b) in enumerate(ends)]
    (folder / "loops.bedpe").write_text("\n".join(bedpe) + "\n")
    long = [f"{c}\t{a}\t{a + 5000}\t{c}:{b}-{b + 5000},{n}.5" for n, (c, a, b) in enumerate(ends)]
    (folder / "loops.longrange").write_text("\n".join(long) + "\n")
    chia = [
        f"{c}\t{a}\t{b + 900}\t{c}:{a}..{a + 900}-{c}:{b}..{b + 900},{n}\t200\t." for n, (c, a, b) in enumerate(ends)
    ]
    (folder / "chiapet.bed").write_text("\n".join(chia) + "\n")
    head = "#chr1\tx1\tx2\tchr2\ty1\ty2\tcolor\tobserved\texpectedBL\tfdrBL"
    hiccups = [
        f"{c}\t{a}\t{a + 5000}\t{c}\t{b}\t{b + 5000}\t0,255,255\t{n + 2}\t1.5\t1e-4" for n, (c, a, b) in enumerate(ends)
    ]
    (folder / "hiccups.bedpe").write_text("\n".join([head, *hiccups]) + "\n")
    head = "chr1\tfragmentMid1\tchr2\tfragmentMid2\tcontactCount\tp-value\tq-value"
    fithic = [f"{c}\t{a + 2500}\t{c}\t{b + 2500}\t{n + 1}\t0.01\t0.0{1 + n % 8}" for n, (c, a, b) in enumerate(ends)]
    (folder / "fithic.txt").write_text("\n".join([head, *fithic]) + "\n")
    for name, kind in (("map.cool", hictkpy.cooler), ("map.hic", hictkpy.hic)):
        writer = kind.FileWriter(folder / name, LENGTHS, 5000)
        pairs = sorted(
            {(int(a), int(a + b)) for a, b in zip(rng.integers(0, 15, 60), rng.integers(0, 8, 60), strict=True)}
        )
        writer.add_pixels_from_dict(
            {
                "bin1_id": [a for a, _ in pairs],
                "bin2_id": [b for _, b in pairs],
                "count": list(range(1, len(pairs) + 1)),
            }
        )
        writer.finalize()


def _artefacts(folder: Path) -> None:
    store = ["--elements", folder / "elements.parquet", "--genes", folder / "genes.parquet"]
    signals = ["--signals", folder / f"signals.{CELL}.safetensors"]
    _must("build-loops", "--elements", folder / "elements.parquet", "--cell", CELL, "--loops", folder / "loops.bedpe",
          "--output", folder / f"contacts.{CELL}.npz")  # fmt: skip
    _must("score-motifs", "--elements", folder / "elements.parquet", "--fasta", folder / "genome.fa.gz",
          "--motifs", folder / "motifs.meme", "--p-value", "0.001", "--threads", 1, "--outdir", folder)  # fmt: skip
    _must("match-quantiles", *signals, "--reference", folder / "signals.B.safetensors", "--outdir", folder / "matched")
    shutil.copyfile(folder / "matched/quantiles.npz", folder / "quantiles.npz")
    both = [*signals, "--signals", folder / "signals.B.safetensors"]
    both += [word for cell in (CELL, "B") for word in ("--expression", folder / f"expression.{cell}.parquet")]
    quick = ["--preset", "crexpress-small", "--neighbours", 4, "--steps", 2, "--validate-every", 1, "--threads", 1]
    quick += ["--val", "chr2", "--test", "chr3", "--inputs", "tracks"]
    profiles = [word for cell in (CELL, "B") for word in ("--profiles", folder / f"profiles.{cell}.safetensors")]
    _must("train", *store, *both, *profiles, *quick, "--outdir", folder / "model")
    _must("train", *store, *both, *profiles, *quick, "--anchored", "--outdir", folder / "anchored")
    bases = ["--sequence", folder / "sequence.safetensors", "--inputs", "sequence,tracks", "--profile-width", 0]
    _must("train", *store, *both, *quick[:-2], *bases, "--outdir", folder / "reader")
    applied = [*store, *signals, *profiles[:2], "--model", folder / "model", "--threads", 1, "--outdir", folder]
    _must("predict", *applied)
    _must("interpret", *applied)
    _must("fit-baselines", *store, *both, "--val", "chr2", "--test", "chr3", "--neighbours", 2, "--threads", 1,
          "--outdir", folder)  # fmt: skip
    _must("evaluate", *store, *both, "--predictions", folder / f"predictions.{CELL}.parquet",
          "--baselines", folder / f"baselines.{CELL}.parquet", "--resamples", 2, "--outdir", folder)  # fmt: skip
    shutil.copyfile(folder / "model/history.parquet", folder / "history.parquet")
    weights = RegulatoryModel(released_config()).state_dict()
    torch.save(
        {"model_state_dict": {f"module.{name}": weight for name, weight in weights.items()}}, folder / "released.pth"
    )


def released_config() -> ModelConfig:
    """A model small enough to read by the thousand."""
    return read_preset("scpge-small")[0].replace(tracks=("dnase",))


def _links(folder: Path) -> None:
    """A link model and what it scores, of the small case of links, in a folder of its own."""
    place = folder / "linked"
    place.mkdir()
    case = link_case.make()
    options = link_case.write(case, place)
    store, links = options[:4], options[6:8]
    signals = options[4:6]
    screen = link_case.screen(case, place / "screen.tsv")
    _must(
        "fit-links",
        *store,
        *signals,
        "--crispr",
        f"s={screen}",
        "--folds",
        0,
        "--name",
        "tiny",
        "--output",
        place / "tiny.safetensors",
    )
    _must("score-links", *store, *signals, *links, "--link-model", place / "tiny.safetensors", "--window", 60_000,
          "--outdir", place / "scored")  # fmt: skip
    for path in (place / "scored").glob("links.*.parquet"):
        shutil.copyfile(path, place / "scored.parquet")
    shutil.copyfile(ROOT / "assets/link_models/known_expression.parquet", place / "known_expression.parquet")
