"""What the commands share: Arena's errors are one line on stderr and exit code 2."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from arena.errors import ArenaError


class OneLineErrors(TyperGroup):
    """A command group that turns any error Arena raises on purpose into one line and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ArenaError as error:
            typer.echo(f"{self.name}: {error}", err=True)
            raise typer.Exit(2) from None
