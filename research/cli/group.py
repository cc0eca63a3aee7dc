"""What the commands share: Arena's errors are one line on stderr and exit code 2."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from arena.errors import ArenaError

EXTRAS = {
    "ccxt": "record",
    "httpx": "record",
    "msgspec": "record",
    "websockets": "record",
    "fsspec": "cloud",
    "s3fs": "cloud",
}
"""Which extra brings a package that the core does without."""


class OneLineErrors(TyperGroup):
    """A command group that turns any error Arena raises on purpose into one line and exit code 2.

    So does a package that is missing because its extra was not installed.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ArenaError as error:
            said = str(error)
        except ModuleNotFoundError as error:
            package = (error.name or "").split(".")[0]
            if package not in EXTRAS:
                raise
            said = f"this needs {package}, which is not installed; run `pip install -e '.[{EXTRAS[package]}]'`."
        typer.echo(f"{self.name}: {said}", err=True)
        raise typer.Exit(2)
