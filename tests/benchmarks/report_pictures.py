#!/usr/bin/env python3
"""The pictures of a report in docs/images: its top, at the width of a desk and of a telephone, by day and by night.

    tests/benchmarks/report_pictures.py results/demo/report.html docs/images

Of the report of `make demo`; the gene is the one that the page opens with.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from chromium import browsing

SIZES = {1400: 2060, 420: 2900}  # px


def main(report: Path, images: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, browsing(Path(folder)) as page:
        for width, height in SIZES.items():
            for dark in (False, True):
                page.open(report, width, height, dark)
                page.until("document.querySelector('#gene svg')")
                path = images / f"report-{width}-{'dark' if dark else 'light'}.png"
                page.picture(path, whole=False)
                Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)  # a third of the bytes
                print(f"{path}: {path.stat().st_size:,} bytes", "; ".join(page.faults))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
