"""The dark theme made for reading images: one accent, three verdicts, 13 px, steps of 4 px."""

from __future__ import annotations

from pathlib import Path
from string import Template

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

BACKGROUND = "#16181c"
PANEL = "#1f2227"
RAISED = "#2a2e35"
LINE = "#353a42"
TEXT = "#e6e8eb"
QUIET = "#9aa0a8"
ACCENT = "#4aa3ff"
ACCENT_DEEP = "#1d4f85"
SAFE = "#2bb3a3"
UNPROVEN = "#e0a526"
VIOLATED = "#e05252"

FONT_PX = 13
_STYLE_SHEET = Path(__file__).with_name("theme.qss")
_ICONS = Path(__file__).with_name("icons")


def apply_theme(app: QApplication) -> None:
    """Style, palette, font and style sheet of the whole program."""
    style = QStyleFactory.create("Fusion")
    if style is not None:
        app.setStyle(style)
    app.setPalette(_palette())
    app.setFont(base_font())
    app.setStyleSheet(style_sheet())


def base_font() -> QFont:
    """The system's sans at 13 px with figures of one width, so that numbers stand under each other."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setPixelSize(FONT_PX)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def style_sheet() -> str:
    """The style sheet with the palette's colours filled in."""
    text = Template(_STYLE_SHEET.read_text(encoding="utf-8"))
    names = {
        "background": BACKGROUND, "panel": PANEL, "raised": RAISED, "line": LINE, "text": TEXT, "quiet": QUIET,
        "accent": ACCENT, "accent_deep": ACCENT_DEEP, "safe": SAFE, "unproven": UNPROVEN, "violated": VIOLATED,
        "icons": _ICONS.as_posix(),
    }  # fmt: skip
    return text.substitute(names)


def _palette() -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    colours = {
        role.Window: BACKGROUND, role.WindowText: TEXT, role.Base: PANEL, role.AlternateBase: RAISED,
        role.Text: TEXT, role.Button: RAISED, role.ButtonText: TEXT, role.BrightText: TEXT,
        role.ToolTipBase: RAISED, role.ToolTipText: TEXT, role.PlaceholderText: QUIET,
        role.Highlight: ACCENT_DEEP, role.HighlightedText: TEXT, role.Link: ACCENT, role.Accent: ACCENT,
    }  # fmt: skip
    for which, colour in colours.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor("#6a7078"))
    return palette
