"""Names of files in what a task of Nextflow's says: it sees links such as track1/K562.bw, of which no user knows."""

import os
import re
from functools import cache
from pathlib import Path


def as_given(text: str) -> str:
    """Text with each link of a task written as the file that it leads to; elsewhere than in a task as it is.

    What lies in Nextflow's work folder, results of other tasks and downloads, keeps the link's name.
    """
    links = _links(Path.cwd())
    if not links:
        return text
    longest_first = sorted(links, key=len, reverse=True)
    return re.sub(rf"(?<![\w./-])({'|'.join(map(re.escape, longest_first))})", lambda found: links[found[0]], text)


@cache
def _links(folder: Path) -> dict[str, str]:
    """{link as a task names it: file} of the folder of a task; of another folder nothing."""
    if not (folder / ".command.run").is_file():
        return {}
    work = folder.parent.parent
    links = (path for path in folder.glob("*/*") if path.is_symlink())
    files = {str(link.relative_to(folder)): os.readlink(link) for link in links}
    return {link: file for link, file in files.items() if work not in Path(file).parents}
