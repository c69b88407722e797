"""What a tool of this folder finds first as `crexpress`: the library, or one sentence where this Python lacks it."""

import sys
from importlib import import_module
from os.path import basename, exists, join

sys.path[:] = [place for place in sys.path if not exists(join(place, "crexpress.py"))]
del sys.modules["crexpress"]  # this file, whose place the library takes
try:
    command = import_module("crexpress.command")
except ModuleNotFoundError as missing:
    if missing.name != "crexpress":
        raise
    sys.stderr.write(
        f"Error: {sys.executable} does not have crexpress; run `make setup` in the checkout, "
        f"then .venv/bin/{basename(sys.argv[0])}, or put .venv/bin first on PATH\n"
    )
    sys.exit(65)
command.check_packages()
