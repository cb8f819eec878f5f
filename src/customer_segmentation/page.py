"""The report for marketing: one HTML file with everything in it, nothing loaded from anywhere."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.style import colour, is_share, number, percent

MOST_ROWS = 200  # of a table on the page; the files hold all

STYLE = """
:root{--ink:#222;--muted:#666;--rule:#ddd;--accent:#0F4C75}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
color:var(--ink);
margin:0 auto;
padding:2rem 1.25rem 4rem;max-width:68rem;background:#fff;overflow-wrap:anywhere}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .6rem}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--rule)}
.verdict{font-size:1.15rem;border-left:.35rem solid var(--accent);
padding:.4rem 0 .4rem 1rem;margin:1rem 0 1.5rem;
white-space:pre-line}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.6rem;margin:0}
dl div{background:#F4F7F9;border-radius:.4rem;padding:.6rem .8rem}
dt{font-size:.8rem;color:var(--muted)}
dd{margin:0;font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .7rem;border-bottom:1px solid var(--rule);text-align:left;
vertical-align:top;overflow-wrap:normal}
th{border-bottom:2px solid var(--ink);vertical-align:bottom}
.n{text-align:right;white-space:nowrap}
th.n{white-space:normal}
td.w{min-width:11rem}
.dot{display:inline-block;width:.75em;height:.75em;border-radius:50%;margin-right:.45em}
figure{margin:1.2rem 0}
figcaption{color:var(--muted);font-size:.9rem;margin-bottom:.3rem}
img{max-width:100%;height:auto;display:block}
p.note{color:var(--muted);font-size:.85rem}
@media print{body{padding:0;max-width:none;font-size:11pt}figure,tr,dl div{break-inside:avoid}
h2{break-after:avoid}.scroll{overflow:visible}table{font-size:8.5pt}th,td{padding:.2rem .35rem}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
""".strip()

# The policy makes the promise enforceable: a browser loads nothing, not even from injected text.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="verdict">{verdict}</p>
{facts}
{tables}
{pictures}
</main>
</body>
</html>
"""


def render(
    title: str,
    verdict: str,
    facts: Mapping[str, object],
    tables: Sequence[tuple[str, pd.DataFrame]],
    pictures: Sequence[tuple[str, bytes]],
) -> str:
    """Render a report as one self-contained HTML page (``report.html``).

    Parameters
    ----------
    title : str
        Heading and window title.
    verdict : str
        What was found, in a sentence or two; line breaks are kept.
    facts : mapping of str to object
        Short label to short value, shown as tiles; floats are rounded.
    tables : sequence of (heading, DataFrame)
        Shown without their index; a column ``segment`` gets the colour it has in the pictures.
        At most `MOST_ROWS` rows are shown.
    pictures : sequence of (caption, PNG bytes)
        Embedded; the caption is also the text for readers who cannot see it.

    Returns
    -------
    str
        HTML in which every text is escaped and nothing refers to another file or host.

    Examples
    --------
    >>> html = render("Report", "a < b", {"customers": 200}, [], [])
    >>> "a &lt; b" in html, "http" in html.replace("http-equiv", "")
    (True, False)
    """
    return PAGE.format(
        title=escape(title),
        style=STYLE,
        verdict=escape(verdict),
        facts=_facts(facts),
        tables="\n".join(_section(heading, table) for heading, table in tables),
        pictures="\n".join(_picture(caption, png) for caption, png in pictures),
    )


def _facts(facts: Mapping[str, object]) -> str:
    if not facts:
        return ""
    tiles = (
        f"<div><dt>{escape(str(label))}</dt><dd>{escape(_written(value, label))}</dd></div>"
        for label, value in facts.items()
    )
    return f"<dl>{''.join(tiles)}</dl>"


def _picture(caption: str, png: bytes) -> str:
    source = f"data:image/png;base64,{b64encode(png).decode('ascii')}"
    text = escape(caption)
    return f'<section><h2>{text}</h2><figure><img src="{source}" alt="{text}"></figure></section>'


def _section(heading: str, table: pd.DataFrame) -> str:
    shown = table.head(MOST_ROWS)
    # A segment number is a label, so it stands on the left.
    numeric = [
        pd.api.types.is_numeric_dtype(kind) and column != "segment"
        for column, kind in table.dtypes.items()
    ]
    sides = ['class="n"' if right else "" for right in numeric]
    head = "".join(
        f'<th scope="col" {side}>{escape(_title(column))}</th>'
        for column, side in zip(table.columns, sides, strict=True)
    )
    columns = [
        [_cell(value, column, right) for value in shown.iloc[:, i].tolist()]
        for i, (column, right) in enumerate(zip(table.columns, numeric, strict=True))
    ]
    rows = "\n".join(f"<tr>{''.join(row)}</tr>" for row in zip(*columns, strict=True))
    note = f"{len(shown):,} of {len(table):,} rows" if len(shown) < len(table) else ""
    return (
        f"<section><h2>{escape(heading)}</h2>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{rows}\n</tbody></table></div>"
        + (f'<p class="note">{note}</p>' if note else "")
        + "</section>"
    )


def _title(column: object) -> str:
    # Our own names are words joined by underscores; a customer's column stays as it is.
    text = str(column)
    return text.replace("_", " ") if text.islower() else text


def _cell(value: Any, column: object, numeric: bool) -> str:
    text = escape(_written(value, column))
    kind = ' class="n"' if numeric else ' class="w"' if len(text) > 14 else ""
    if column == "segment" and isinstance(value, int):
        text = f'<span class="dot" style="background:{colour(value)}"></span>{text}'
    return f"<td{kind}>{text}</td>"


def _written(value: Any, column: object) -> str:
    if value is None or value is pd.NA or value is pd.NaT:
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        share = is_share(column) and 0 <= value <= 1
        return percent(float(value)) if share else number(float(value))
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return str(value)
