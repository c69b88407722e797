#!/usr/bin/env python3
"""Make scpge_elements.json: what the released ScPGE code does with the built-in cCREs and genes.

    git -C ScPGE show f60583a:code/encode.py > encode.py     (github.com/turningpoint1988/ScPGE)
    python tests/reference/make_scpge_elements.py encode.py

Runs the released `gene_selection` itself (it is read from encode.py, none of it is kept here), with m = 20.
"""

import ast
import gzip
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ASSETS = HERE.parents[1] / "assets"
CASES = {
    "chr20": (
        "chr20/K562.derived_elements.hg38.chr20_0-10Mb.bed.gz",
        "chr20/GENCODE24.hg38.chr20_0-10Mb.derived.gtf.gz",
    ),
    "k562": ("k562/cCRE_like.shared.hg38.bed.gz", None),
}


def released(encode: Path, *wanted: str) -> dict:
    """These functions and constants of encode.py, which imports more than they need."""
    tree = ast.parse(encode.read_text())
    body = [
        node
        for node in tree.body
        if (isinstance(node, ast.FunctionDef) and node.name in wanted)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).split("[")[0] in wanted)
    ]
    names = {"np": np, "sys": sys, "NUMBER": 10}
    exec(compile(ast.Module(body, []), str(encode), "exec"), names)
    return names


def gene_table(gtf: Path) -> str:
    """Protein-coding genes in the columns that the released code reads, its 1-based coordinates as they are."""
    lines = []
    for line in gzip.decompress(gtf.read_bytes()).decode().splitlines():
        fields = line.split("\t")
        if fields[2] == "gene" and 'gene_type "protein_coding"' in fields[8]:
            gene_id = fields[8].split('gene_id "')[1].split('"')[0]
            # the code keys genes by name and so loses namesakes; the id as name keeps them all
            lines.append("\t".join([fields[0], *fields[3:5], fields[6], "protein_coding", gene_id, gene_id, "0"]))
    return "\n".join(lines) + "\n"


def main(encode: str) -> None:
    """Write scpge_elements.json beside this script."""
    names, result = released(Path(encode), "gene_selection", "WINDOW", "INDEX"), {}
    for case, (ccres, gtf) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            bed, genes = Path(folder, "ccres.bed"), Path(folder, "genes.tsv")
            bed.write_bytes(gzip.decompress((ASSETS / ccres).read_bytes()))
            genes.write_text(gene_table(ASSETS / gtf) if gtf else "")
            merged: dict[str, list[int]] = {}
            # the merged midpoints live in a local dictionary of the function; take it as it returns
            sys.setprofile(
                lambda frame, event, _, merged=merged: (
                    merged.update(frame.f_locals["cCRE_set"])
                    if event == "return" and frame.f_code.co_name == "gene_selection"
                    else None
                )
            )
            found = names["gene_selection"](str(genes), str(bed))
            sys.setprofile(None)
        text = "".join(f"{chrom}\t{middle}\n" for chrom in sorted(merged) for middle in merged[chrom])
        result[case] = {
            "merged": sum(map(len, merged.values())),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "neighbours": {
                gene: [int(place) for side in ("left", "right") for place in row[f"cCRE_{side}_pos"]]
                for gene, row in sorted(found.items())
            },
        }
    (HERE / "scpge_elements.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
