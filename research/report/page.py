"""The shell of a page: one HTML file that needs nothing but a browser, written in one step."""

from __future__ import annotations

import json
import os
import tempfile
from html import escape
from pathlib import Path
from typing import Any

from research.report.theme import Figure

# The buttons are listed because the default set holds "Share chart", which would upload the reader's figures.
_CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "plotlyServerURL": "",
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
}
_DRAW = """
const config = JSON.parse(document.getElementById("config").textContent);
for (const node of document.querySelectorAll("script.figure")) {
  const f = JSON.parse(node.textContent);
  const own = "bare" in node.dataset ? {...config, displayModeBar: false} : config;
  Plotly.newPlot(node.dataset.into, f.data, f.layout, own);
}
"""
# The page must not call home, whatever a plotting library would like to fetch.
_POLICY = (
    "default-src 'none'; form-action 'none'; img-src data: blob:; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
)


def page(title: str, body: str) -> str:
    """A whole page around ``body``, which is ready HTML."""
    from plotly.offline import get_plotlyjs

    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{style}</style><script>{get_plotlyjs()}</script></head><body><main>"
        f"{body}</main>"
        f'<script type="application/json" id="config">{_json(_CONFIG)}</script><script>{_DRAW}</script></body></html>'
    )


def section(title: str, body: str, caption: str = "") -> str:
    """A part of a page under a heading; nothing without a body."""
    under = f'<p class="caption">{caption}</p>' if caption else ""
    return f"<section><h2>{title}</h2>{body}{under}</section>" if body else ""


def plots(*figures: Figure) -> str:
    """Figures side by side, each with its caption."""
    return f'<section class="plots">{"".join(_plot(figure) for figure in figures)}</section>'


def multiples(*figures: Figure) -> str:
    """Many small figures of one kind; nothing without one."""
    return f'<div class="multiples">{"".join(_plot(figure) for figure in figures)}</div>' if figures else ""


def write(text: str, path: Path) -> Path:
    """Write a page to ``path``, whole or not at all; folders are made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).chmod(0o644)  # mkstemp makes it private; a report is an ordinary file
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _plot(figure: Figure) -> str:
    wide = ' class="wide"' if figure.wide else ""
    if not figure.traces:
        return f'<figure{wide}><h3>{figure.title}</h3><p class="empty">{escape(figure.empty)}</p></figure>'
    drawn = _json({"data": figure.traces, "layout": {**figure.layout, "height": figure.height}})
    bare = " data-bare" if figure.bare else ""
    caption = f"<figcaption>{figure.caption}</figcaption>" if figure.caption else ""
    return (
        f'<figure{wide}><h3>{figure.title}</h3><div class="scroll"><div id="f-{figure.key}" '
        f'style="height:{figure.height}px;min-width:{figure.least_width}px"></div></div>{caption}'
        f'<script type="application/json" class="figure" data-into="f-{figure.key}"{bare}>{drawn}</script></figure>'
    )


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
