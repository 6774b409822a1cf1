"""A report's blocks as what the PDF writer sets on pages."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from reportlab.graphics import shapes as drawn
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Image, KeepTogether, Spacer
from reportlab.platypus import Paragraph as Words
from reportlab.platypus import Table as Grid

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
    Section,
    Table,
    Tone,
)  # fmt: skip
from surgtwin.report.wording import verdict_text

from .chart_shapes import HEIGHT, MARK, WIDTH, WORDS, Line, Mark, Shape, chart_shapes
from .chart_shapes import Words as ChartWords
from .paper import INK, QUIET, RULE, TINT, VERDICT_INK, VERDICT_SWATCH, VERDICT_TINT, hex_colour
from .pdf_text import BOLD, REGULAR, markup, pdf_text, register_fonts
from .pictures import Pictures

PAGE_WIDTH = 516.0
"""Of the text on a page, in points: A4 between its margins."""
FIGURE_GAP, FIGURE_HEIGHT = 8.0, 250.0
LONGEST_PARAGRAPH, LONGEST_NAME = 4000, 80
KEPT_ROWS = 8
"""A table of so few rows is not parted between two pages."""
_BASE = {"fontName": REGULAR, "fontSize": 8.5, "leading": 11.5, "textColor": HexColor(INK), "splitLongWords": 1}
BODY = ParagraphStyle("body", **_BASE)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=8, leading=10.5)
NUMBER = ParagraphStyle("number", parent=CELL, alignment=TA_RIGHT)
SMALL = ParagraphStyle("small", **{**_BASE, "fontSize": 7, "leading": 9.5, "textColor": HexColor(QUIET)})
HEAD = ParagraphStyle("head", **{**_BASE, "fontName": BOLD, "fontSize": 7, "leading": 9, "textColor": HexColor(QUIET)})
HEAD_NUMBER = ParagraphStyle("head number", parent=HEAD, alignment=TA_RIGHT)
TITLE = ParagraphStyle("title", **{**_BASE, "fontName": BOLD, "fontSize": 17, "leading": 21, "spaceAfter": 6})
SECTION = ParagraphStyle(
    "section",
    **{
        **_BASE,
        "fontName": BOLD,
        "fontSize": 11.5,
        "leading": 15,
        "spaceBefore": 10,
        "spaceAfter": 3,
        "keepWithNext": 1,
    },
)
INTRODUCTION = ParagraphStyle("introduction", parent=BODY, spaceBefore=3, spaceAfter=3, keepWithNext=1)
_PARAGRAPHS = {Tone.NORMAL: BODY, Tone.QUIET: SMALL, Tone.WARNING: BODY}


def section_flowables(section: Section, pictures: Pictures) -> list[Flowable]:
    """A section, its heading and every introduction on the page of what they introduce."""
    flowables: list[Flowable] = []
    waiting: list[Flowable] = [Words(markup(section.title), SECTION)]
    for n, block in enumerate(section.blocks):
        following = section.blocks[n + 1] if n + 1 < len(section.blocks) else None
        if isinstance(block, Paragraph) and isinstance(following, (Table, FigureRow)):
            waiting.append(Words(markup(block.text, LONGEST_PARAGRAPH), INTRODUCTION))
            continue
        if isinstance(block, Callout) and following is not None:
            waiting += [*block_flowables(block), Spacer(1, 5)]
            continue
        made = _figures(block, pictures) if isinstance(block, FigureRow) else block_flowables(block)
        is_long = isinstance(block, Table) and len(block.rows) > KEPT_ROWS
        flowables += [*waiting, *made] if is_long else [KeepTogether([*waiting, *made])]
        flowables.append(Spacer(1, 5))
        waiting = []
    return flowables


def block_flowables(block: Block) -> list[Flowable]:
    """Any block but pictures."""
    writer = _WRITERS[type(block)]
    return writer(block)


def _paragraph(block: Paragraph) -> list[Flowable]:
    words = Words(markup(block.text, LONGEST_PARAGRAPH), _PARAGRAPHS[block.tone])
    return [_framed(words, VERDICT_INK[Verdict.UNPROVEN], TINT)] if block.tone is Tone.WARNING else [words]


def _framed(content: Flowable, bar: str, ground: str) -> Flowable:
    style = [
        ("BACKGROUND", (0, 0), (-1, -1), HexColor(ground)),
        ("LINEBEFORE", (0, 0), (0, -1), 4, HexColor(bar)),
        ("LEFTPADDING", (0, 0), (-1, -1), 9),
        ("TOPPADDING", (0, 0), (-1, -1), 5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
    ]
    return Grid([[content]], colWidths=[PAGE_WIDTH], style=style)


def _callout(block: Callout) -> list[Flowable]:
    ink = VERDICT_INK[block.verdict]
    style = ParagraphStyle("callout", parent=BODY, fontSize=10.5, leading=14)
    word = f'<font name="{BOLD}" color="{ink}">{markup(verdict_text(block.verdict, block.word))}</font>'
    return [_framed(Words(f"{word}&nbsp;&nbsp;{markup(block.text)}", style), ink, VERDICT_TINT[block.verdict])]


def _facts(block: Facts) -> list[Flowable]:
    quiet = ParagraphStyle("name", parent=BODY, textColor=HexColor(QUIET))
    rows = [[Words(markup(name), quiet), Words(markup(value), BODY)] for name, value in block.pairs]
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0),
             ("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]  # fmt: skip
    return [Grid(rows, colWidths=[130, PAGE_WIDTH - 130], style=style)]


def _table(block: Table) -> list[Flowable]:
    total = sum(c.share for c in block.columns)
    widths = [PAGE_WIDTH * c.share / total for c in block.columns]
    head = [Words(markup(c.title), HEAD_NUMBER if c.is_number else HEAD) for c in block.columns]
    rows = [[_cell(c, column) for c, column in zip(row, block.columns, strict=True)] for row in block.rows]
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, HexColor(QUIET)),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, HexColor(RULE)),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
    grid = Grid([head, *rows], colWidths=widths, style=style, repeatRows=1, splitInRow=1)
    note = [Words(markup(block.note, LONGEST_PARAGRAPH), SMALL)] if block.note else []
    return [grid, *note]


def _cell(cell: Cell, column: Column) -> Flowable:
    if cell.verdict is not None:
        ink = VERDICT_INK[cell.verdict]
        return Words(f'<font name="{BOLD}" color="{ink}">{markup(verdict_text(cell.verdict))}</font>', CELL)
    chip = "" if cell.colour is None else _chip(cell.colour)
    return Words(chip + markup(cell.text), NUMBER if column.is_number else CELL)


def _chip(colour: Colour) -> str:
    """A small square of a colour, before a name."""
    return f'<font color="{hex_colour(colour)}">\N{BLACK SQUARE}</font>&nbsp;'


def _legend(block: Legend) -> list[Flowable]:
    names = (f"{_chip(colour)}{markup(name, LONGEST_NAME)}" for colour, name in block.items)
    return [Words("&nbsp;&nbsp; ".join(names), BODY)]


def _figures(block: FigureRow, pictures: Pictures) -> list[Flowable]:
    places = max(2, len(block.figures))
    width = (PAGE_WIDTH - FIGURE_GAP * (places - 1)) / places
    cells = [[_image(pictures[f.picture], width), Words(markup(f.caption), SMALL)] for f in block.figures]
    style = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), FIGURE_GAP),
             ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 0)]  # fmt: skip
    columns = [width + FIGURE_GAP] * len(cells)
    return [Grid([cells], colWidths=columns, style=style, hAlign="LEFT")]


def _image(data: bytes, width: float) -> Flowable:
    image = Image(io.BytesIO(data))
    share = min(width / image.imageWidth, FIGURE_HEIGHT / image.imageHeight)
    image.drawWidth, image.drawHeight = image.imageWidth * share, image.imageHeight * share
    image.hAlign = "LEFT"
    return image


def _key(block: Key) -> list[Flowable]:
    rows = []
    for row in block.rows:
        word = f'<font name="{BOLD}" color="{VERDICT_INK[row.verdict]}">{markup(verdict_text(row.verdict))}</font>'
        rows.append([_swatch(row.verdict), Words(f"{word}: {markup(row.text)}", BODY)])
    style = [("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("LEFTPADDING", (0, 0), (-1, -1), 0),
             ("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]  # fmt: skip
    grid = Grid(rows, colWidths=[34, PAGE_WIDTH - 34], style=style)
    return [Words(markup(block.title), SMALL), grid]


def _swatch(verdict: Verdict) -> drawn.Drawing:
    """The colour with the hatching that it has in the pictures."""
    width, height, step = 26.0, 10.0, 5.0
    swatch = drawn.Drawing(width, height)
    swatch.add(drawn.Rect(0, 0, width, height, fillColor=HexColor(VERDICT_SWATCH[verdict]), strokeColor=None))
    lines = {Verdict.SAFE: (), Verdict.UNPROVEN: (1,), Verdict.VIOLATED: (1, -1)}[verdict]
    starts = [n * step for n in range(int((width - height) / step) + 1)]
    for slant in lines:
        for x in starts:
            ends = (x, 0, x + height, height) if slant > 0 else (x, height, x + height, 0)
            swatch.add(drawn.Line(*ends, strokeColor=HexColor("#3a2a10"), strokeWidth=0.9))
    return swatch


def _chart(block: Chart) -> list[Flowable]:
    register_fonts()
    chart = drawn.Drawing(WIDTH, HEIGHT)
    for shape in chart_shapes(block):
        for part in _shape(shape):
            chart.add(part)
    return [chart, Words(markup(block.note, LONGEST_PARAGRAPH), SMALL)]


def _shape(shape: Shape) -> list[drawn.Shape]:
    if isinstance(shape, Line):
        colour, width = (RULE, 0.4) if shape.is_faint else (QUIET, 0.8)
        return [drawn.Line(*shape.start, *shape.end, strokeColor=HexColor(colour), strokeWidth=width)]
    if isinstance(shape, ChartWords):
        text = drawn.String(
            0, 0, pdf_text(shape.text, 120), fontName=REGULAR, fontSize=WORDS, textAnchor=shape.anchor,
            fillColor=HexColor(INK),
        )  # fmt: skip
        group = drawn.Group(text)
        group.translate(*shape.at)
        if shape.is_upright:
            group.rotate(90)
        return [group]
    return _mark(shape)


def _mark(mark: Mark) -> list[drawn.Shape]:
    (x, y), colour = mark.at, HexColor(VERDICT_INK[mark.verdict])
    if mark.verdict is Verdict.SAFE:
        return [drawn.Circle(x, y, MARK, fillColor=colour, strokeColor=None)]
    if mark.verdict is Verdict.UNPROVEN:
        reach = MARK + 1
        corners = [x, y - reach, x + reach, y, x, y + reach, x - reach, y]
        return [drawn.Polygon(corners, fillColor=HexColor("#ffffff"), strokeColor=colour, strokeWidth=1.5)]
    ends = ((x - MARK, y - MARK, x + MARK, y + MARK), (x - MARK, y + MARK, x + MARK, y - MARK))
    return [drawn.Line(*e, strokeColor=colour, strokeWidth=2.5) for e in ends]


_WRITERS: dict[type, Callable[[Any], list[Flowable]]] = {
    Paragraph: _paragraph,
    Facts: _facts,
    Callout: _callout,
    Table: _table,
    Key: _key,
    Legend: _legend,
    Chart: _chart,
}
