"""``arena-data``: get market data, see what it holds and what is wrong with it, and make more of it.

Each command is a module of its own; polars, rich and the network are imported inside them, so that
``--help`` is instant.
"""

from __future__ import annotations

import typer

from research.cli import (
    data_audit,
    data_calibrate,
    data_clean,
    data_compact,
    data_fetch,
    data_import,
    data_lab,
    data_migrate,
    data_record,
    data_reparse,
    data_replay_l2,
    data_show,
    data_sql,
    data_verify,
    data_window,
)
from research.cli.group import OneLineErrors

app = typer.Typer(
    name="arena-data",
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Market data: record, fetch or import it, ask what a catalog holds, judge it, draw it, or generate some.",
)

app.command("import")(data_import.import_)
app.add_typer(data_fetch.app, name="fetch")
app.command("record")(data_record.record)
app.command("reparse")(data_reparse.reparse)
app.command("ls")(data_show.ls)
app.command("show")(data_show.show)
app.command("sql")(data_sql.sql)
app.command("window")(data_window.window)
app.command("audit")(data_audit.audit)
app.command("replay-l2")(data_replay_l2.replay_l2)
app.command("verify")(data_verify.verify)
app.command("compact")(data_compact.compact)
app.command("migrate")(data_migrate.migrate)
app.command("clean")(data_clean.clean)
app.command("lab")(data_lab.lab)
app.command("calibrate")(data_calibrate.calibrate)


def main() -> None:
    """Entry point of the ``arena-data`` command."""
    app()


if __name__ == "__main__":
    main()
