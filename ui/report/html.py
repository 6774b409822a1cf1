"""A report as one HTML file: no script, nothing from the network, prints page by page."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from typing import Any

from surgtwin.domain.labels import Colour
from surgtwin.domain.verdict import Verdict
from surgtwin.report.document import (
    Block,
    Callout,
    Cell,
    Chart,
    Column,
    Facts,
    FigureRow,
    Key,
    Legend,
    Paragraph,
    Report,
    Section,
    Table,
)  # fmt: skip
from surgtwin.report.wording import verdict_text

from .chart_shapes import HEIGHT, MARK, WIDTH, WORDS, Line, Mark, Shape, Words, chart_shapes
from .clean_text import cell_text, shortened, visible
from .html_style import STYLE
from .paper import INK, QUIET, RESEARCH_USE, RULE, VERDICT_INK, hex_colour
from .pictures import Pictures

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Nothing in the file may run or load, whatever a name in it contains."""


def report_as_html(report: Report, pictures: Pictures) -> str:
    """The whole document."""
    title = _text(report.title)
    body = "\n".join(_section(s, pictures) for s in report.sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        f"<header><div><bdi>{_text(report.running_title)}</bdi><strong>{RESEARCH_USE}</strong></div></header>\n"
        f"<main>\n<h1><bdi>{title}</bdi></h1>\n{_facts(report.facts)}\n{body}\n</main>\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    return escape(cell_text(text), quote=True)


def _section(section: Section, pictures: Pictures) -> str:
    blocks = "\n".join(_block(b, pictures) for b in section.blocks)
    return f"<section>\n<h2>{_text(section.title)}</h2>\n{blocks}\n</section>"


def _block(block: Block, pictures: Pictures) -> str:
    if isinstance(block, FigureRow):
        return _figures(block, pictures)
    return _WRITERS[type(block)](block)


def _paragraph(block: Paragraph) -> str:
    return f'<p class="{block.tone.value}">{escape(visible(block.text))}</p>'


def _facts(block: Facts) -> str:
    rows = "".join(f"<dt>{_text(name)}</dt><dd><bdi>{_text(value)}</bdi></dd>" for name, value in block.pairs)
    return f"<dl>{rows}</dl>"


def _callout(block: Callout) -> str:
    word = escape(verdict_text(block.verdict, block.word))
    return f'<p class="callout {block.verdict.value}"><strong>{word}</strong> {_text(block.text)}</p>'


def _table(block: Table) -> str:
    total = sum(c.share for c in block.columns)
    widths = "".join(f'<col style="width:{100 * c.share / total:.2f}%">' for c in block.columns)
    head = "".join(f'<th scope="col"{_align(c)}>{_text(c.title)}</th>' for c in block.columns)
    rows = "\n".join(
        "<tr>" + "".join(_cell(c, column) for c, column in zip(row, block.columns, strict=True)) + "</tr>"
        for row in block.rows
    )
    note = f'<p class="quiet">{escape(visible(shortened(block.note, 4000)))}</p>' if block.note else ""
    return f"<table><colgroup>{widths}</colgroup><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>{note}"


def _align(column: Column) -> str:
    return ' class="number"' if column.is_number else ""


def _cell(cell: Cell, column: Column) -> str:
    if cell.verdict is not None:
        return f'<td class="verdict {cell.verdict.value}">{escape(verdict_text(cell.verdict))}</td>'
    return f"<td{_align(column)}>{_chip(cell.colour)}<bdi>{_text(cell.text)}</bdi></td>"


def _chip(colour: Colour | None) -> str:
    return "" if colour is None else f'<span class="chip" style="background: {hex_colour(colour)}"></span>'


def _figures(block: FigureRow, pictures: Pictures) -> str:
    drawn = "".join(
        f'<figure><img alt="{_text(f.caption)}" src="data:image/jpeg;base64,'
        f'{base64.b64encode(pictures[f.picture]).decode("ascii")}"><figcaption><bdi>{_text(f.caption)}</bdi></figcaption>'
        "</figure>"
        for f in block.figures
    )
    return f'<div class="figures n{max(2, len(block.figures))}">{drawn}</div>'


def _key(block: Key) -> str:
    rows = "".join(f"<li>{_swatch(row.verdict)}{_word(row.verdict)}: {_text(row.text)}</li>" for row in block.rows)
    return f'<p class="quiet">{_text(block.title)}</p><ul class="key">{rows}</ul>'


def _swatch(verdict: Verdict) -> str:
    return f'<span class="swatch {verdict.value}"></span>'


def _word(verdict: Verdict) -> str:
    return f'<strong class="verdict {verdict.value}">{escape(verdict_text(verdict))}</strong>'


def _legend(block: Legend) -> str:
    items = "".join(f"<li>{_chip(colour)}<bdi>{_text(name)}</bdi></li>" for colour, name in block.items)
    return f'<ul class="legend">{items}</ul>'


def _chart(block: Chart) -> str:
    shapes = "".join(_shape(s) for s in chart_shapes(block))
    title = f"{_text(block.y_title)} over {_text(block.x_title)}"
    drawn = (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" font-size="{WORDS:g}">{shapes}</svg>'
    )
    return f'{drawn}<p class="quiet">{_text(block.note)}</p>'


def _shape(shape: Shape) -> str:
    """One shape as SVG, whose y grows downwards."""
    if isinstance(shape, Line):
        (x1, y1), (x2, y2) = shape.start, shape.end
        colour = RULE if shape.is_faint else QUIET
        return (
            f'<line x1="{x1:.2f}" y1="{HEIGHT - y1:.2f}" x2="{x2:.2f}" y2="{HEIGHT - y2:.2f}" '
            f'stroke="{colour}" stroke-width="{0.5 if shape.is_faint else 1}"/>'
        )
    if isinstance(shape, Words):
        x, y = shape.at[0], HEIGHT - shape.at[1]
        turn = f' transform="rotate(-90 {x:.2f} {y:.2f})"' if shape.is_upright else ""
        return (
            f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{shape.anchor}" fill="{INK}"{turn}>'
            f"{escape(shortened(visible(shape.text), 120))}</text>"
        )
    return _mark(shape)


def _mark(mark: Mark) -> str:
    x, y = mark.at[0], HEIGHT - mark.at[1]
    colour = VERDICT_INK[mark.verdict]
    if mark.verdict is Verdict.SAFE:
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{MARK:g}" fill="{colour}"/>'
    if mark.verdict is Verdict.UNPROVEN:
        corners = f"{x},{y - MARK - 1:.2f} {x + MARK + 1:.2f},{y} {x},{y + MARK + 1:.2f} {x - MARK - 1:.2f},{y}"
        return f'<polygon points="{corners}" fill="#fff" stroke="{colour}" stroke-width="1.5"/>'
    a, b, c, d = x - MARK, x + MARK, y - MARK, y + MARK
    return (
        f'<path d="M{a:.2f} {c:.2f} L{b:.2f} {d:.2f} M{a:.2f} {d:.2f} L{b:.2f} {c:.2f}" stroke="{colour}" '
        'stroke-width="2.5"/>'
    )


_WRITERS: dict[type, Callable[[Any], str]] = {
    Paragraph: _paragraph,
    Facts: _facts,
    Callout: _callout,
    Table: _table,
    Key: _key,
    Legend: _legend,
    Chart: _chart,
}
