"""`crexpress doctor`: is this machine ready for a run?"""

from pathlib import Path

import click

from crexpress.core.errors import BAD_INPUT


@click.command(name="doctor", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--outdir", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(),
              help="Where runs would write.")  # fmt: skip
def doctor(outdir: Path) -> None:
    """Check Java, Nextflow, container engines, GPU, memory and disk, and say what to do.

    Ends with code 65 where something is missing that every run needs.
    """
    from crexpress.pipeline.doctor import findings

    found = []
    for one in findings(outdir.resolve()):
        found.append(one)
        mark = "ok" if one.good else "NO" if one.needed else "!!"
        click.echo(f"{mark}  {one.name:<16}  {one.text}")
    bad = [one.name for one in found if not one.good and one.needed]
    click.echo(f"Not ready: {', '.join(bad)}." if bad else "Ready.")
    raise SystemExit(BAD_INPUT if bad else 0)
