"""Connect to trackers and scanners, and read in plain words how each of them does."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from surgtwin.errors import SourceError
from surgtwin.live.health_words import health_sentences
from surgtwin.live.self_test import SelfTestResult, run_self_test

from ..kept_settings import KeptSettings
from ..panels.labels import ElidedLabel, Section, discard, set_role, text_label
from ..planning.worker import LatestWorker
from .desk import LiveDesk
from .link import LiveLink

EXAMPLE = "localhost:18944"
TEST = "self-test"
GOOD, BAD = "\u2713", "\u25b2"


class SourcesSection(Section):
    """The address on top, a card for every source below."""

    def __init__(self, desk: LiveDesk, kept: KeptSettings, worker: LatestWorker) -> None:
        super().__init__("Sources")
        self._desk, self._kept, self._worker = desk, kept, worker
        self.address = QComboBox()
        self.address.setEditable(True)
        self.address.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.address.setAccessibleName("Address of a tracker or scanner, host:port")
        self.address.setMinimumContentsLength(8)
        edit = self.address.lineEdit()
        if edit is not None:
            edit.setPlaceholderText(EXAMPLE)
            edit.returnPressed.connect(self.connect_to)
        self.connect_button = QPushButton("Connect")
        self.connect_button.setProperty("role", "primary")
        self.connect_button.setToolTip("Follow an OpenIGTLink server (PLUS, Slicer, a navigation system)")
        self.connect_button.clicked.connect(self.connect_to)
        self.problem = text_label(role="violated", wrap=True)
        self.problem.hide()
        self.hint = text_label(
            "A tracker, an ultrasound machine or a recording that speaks OpenIGTLink. Give its address and connect.",
            "quiet",
            wrap=True,
        )
        self.cards: dict[str, SourceCard] = {}
        self._cards = QVBoxLayout()
        self._cards.setSpacing(8)
        self.test = QPushButton("Self-test")
        self.test.setToolTip("Is this computer able to follow live sources? Takes two seconds.")
        self.test.clicked.connect(self.run_test)
        self.results = text_label(role="quiet", wrap=True)
        self.results.hide()
        self._lay_out()
        self._fill_addresses()
        desk.links_changed.connect(self._on_links)
        desk.health_changed.connect(self.refresh)
        self._on_links()

    def connect_to(self) -> None:
        """Follow what stands in the address."""
        try:
            self._desk.connect_to(self.address.currentText() or EXAMPLE)
        except SourceError as error:
            self.problem.setText(str(error))
            self.problem.show()
            return
        self.problem.hide()
        self._fill_addresses()

    def run_test(self) -> None:
        """Ask whether this computer can follow live sources, beside the main thread."""
        self.test.setEnabled(False)
        self.results.setText("Testing\u2026")
        self.results.show()
        self._worker.ask(TEST, lambda *_: run_self_test(), self._show_test, self._show_fault)

    def refresh(self) -> None:
        for link in self._desk.links:
            card = self.cards.get(link.name)
            if card is not None:
                card.refresh(self._desk)

    def _show_test(self, results: tuple[SelfTestResult, ...]) -> None:
        self.test.setEnabled(True)
        rows = [f"{GOOD if r.is_ok else BAD} {r.text} {r.advice}".rstrip() for r in results]
        self.results.setText("\n".join(rows))
        set_role(self.results, "quiet" if all(r.is_ok for r in results) else "violated")

    def _show_fault(self, error: BaseException) -> None:
        self.test.setEnabled(True)
        self.results.setText(f"The test itself failed: {error}")
        set_role(self.results, "violated")

    def _fill_addresses(self) -> None:
        typed = self.address.currentText()
        self.address.clear()
        self.address.addItems(self._kept.now.live_sources)
        self.address.setCurrentText(typed or next(iter(self._kept.now.live_sources), EXAMPLE))

    def _on_links(self) -> None:
        names = [link.name for link in self._desk.links]
        for name in [n for n in self.cards if n not in names]:
            card = self.cards.pop(name)
            self._cards.removeWidget(card)
            discard(card)
        for link in self._desk.links:
            if link.name not in self.cards:
                self.cards[link.name] = SourceCard(self._desk, link)
                self._cards.addWidget(self.cards[link.name])
        self.hint.setVisible(not names)
        self.refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.address, 1)
        row.addWidget(self.connect_button)
        self.body.addLayout(row)
        self.body.addWidget(self.problem)
        self.body.addWidget(self.hint)
        self.body.addLayout(self._cards)
        self.body.addWidget(self.test, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.results)


class SourceCard(QWidget):
    """One source: connected or not, how it does, and a way to end it."""

    def __init__(self, desk: LiveDesk, link: LiveLink) -> None:
        super().__init__()
        self._link = link
        self.name = ElidedLabel(link.name, least_width=80)
        self.state = text_label()
        self.words = text_label(role="quiet", wrap=True)
        self.end = QPushButton("Disconnect")
        self.end.setProperty("role", "compact")
        self.end.clicked.connect(lambda: desk.disconnect_from(link))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.name, 1)
        row.addWidget(self.end)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.state)
        column.addWidget(self.words)
        self.refresh(desk)

    def refresh(self, desk: LiveDesk) -> None:
        is_open = self._link.source.is_open
        self.state.setText("\u25cf connected" if is_open else "\u25b2 no connection")
        set_role(self.state, "safe" if is_open else "violated")
        self.words.setText("\n".join(words_of(self._link, desk)))
        if self._link.pair is not None and self._link.pair.sentence:
            set_role(self.words, "violated")
        else:
            set_role(self.words, "quiet")


def words_of(link: LiveLink, desk: LiveDesk) -> list[str]:
    """Everything that should be known of a source, worst first."""
    health = link.source.health()
    told: list[str] = []
    if link.pair is not None and link.pair.sentence:
        told.append(f"\u25b2 {link.pair.sentence}")
    if not link.source.is_open:
        told.append(link.trouble or "It is being connected.")
    told.append(" ".join(health_sentences(health)))
    if health.rate_hz:
        told.append(f"Jitter {health.jitter_ms:.1f} ms" + _way_words(health.latency_ms) + _screen_words(desk))
    if link.pair is not None and link.pair.drift is not None and not link.pair.sentence:
        drift = link.pair.drift
        told.append(
            f"'{link.pair.second}' keeps its place (moved {drift.moved_mm:.1f} mm, {drift.turned_deg:.1f}\u00b0)."
        )
    if link.source.dropped:
        told.append(f"{link.source.dropped} of its messages were dropped here: this computer is too slow.")
    return told


def _way_words(latency_ms: float | None) -> str:
    return "" if latency_ms is None else f", on the way {latency_ms:.1f} ms"


def _screen_words(desk: LiveDesk) -> str:
    shown = desk.to_screen_ms
    return "." if shown is None else f", to the screen {shown[0]:.0f} ms (95 % within {shown[1]:.0f} ms)."
