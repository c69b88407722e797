"""The one command that pip installs: `crexpress TOOL ...` runs any executable of bin/, which the package carries."""

import ast
from pathlib import Path
from runpy import run_path

import click
from click.shell_completion import CompletionItem

from crexpress import __version__
from crexpress.cli.doctor import doctor

BIN = Path(__file__).parents[1] / "bin"  # of the checkout, or a copy of it in an installed package
GONE = {  # tools that there were, and what took their place
    "combine-links": "combine-links is gone: score-links gives every link its probability, by a shipped link model or "
    "one that fit-links made, and evaluate scores ABC beside it",
}
_COMPLETION = """\b
Completion, for a shell's start-up file:
  bash: eval "$(_CREXPRESS_COMPLETE=bash_source crexpress)"
  zsh:  eval "$(_CREXPRESS_COMPLETE=zsh_source crexpress)"
  fish: _CREXPRESS_COMPLETE=fish_source crexpress | source"""


class Tools(click.Group):
    """A command for each executable; only the one that is asked for is loaded, as some take seconds to import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(path.name for path in BIN.iterdir() if path.is_file() and not path.suffix)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == doctor.name:
            return doctor
        if cmd_name in GONE:
            raise click.UsageError(GONE[cmd_name], ctx)
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = run_path(str(BIN / cmd_name))["main"]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Tools"):
            formatter.write_dl([(name, _purpose(name)) for name in self.list_commands(ctx)])
        with formatter.section("Besides"):
            formatter.write_dl([(str(doctor.name), doctor.get_short_help_str(80))])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        own = [CompletionItem(doctor.name)] if str(doctor.name).startswith(incomplete) else []
        return [CompletionItem(name, help=_purpose(name)) for name in found] + own + options


def _purpose(name: str) -> str:
    """The first line of a tool's docstring."""
    return (ast.get_docstring(ast.parse((BIN / name).read_text())) or "").partition("\n")[0]


@click.command(
    cls=Tools,
    name="crexpress",
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 120},
    subcommand_metavar="TOOL ...",
    epilog=_COMPLETION,
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Gene expression and enhancer-gene links from candidate cis-regulatory elements.

    Each step is a tool of its own; `crexpress TOOL --help` shows its options with an example.
    """


if __name__ == "__main__":
    main()
