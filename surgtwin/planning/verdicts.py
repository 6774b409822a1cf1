"""Every verdict that stands in an evaluated plan, of whatever kind of entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..domain.verdict import Verdict, worst
from .evaluation import PlanEvaluation
from .evaluation_json import evaluation_as_json

_ENDING = "verdict"
_NAMED_BY = ("name", "target", "structure")
_LISTS = {
    "resections": "resection",
    "combined": "resections together",
    "trajectories": "trajectory",
    "ablations": "ablation",
    "ablations_combined": "ablations together",
    "needle_pairs": "needles",
    "tool_paths": "tool path",
}
_MEMBERS = {"combined": "resections", "ablations_combined": "zones"}
"""Lists of entries judged together, and what they are made of: one of a single entry only repeats that one."""


@dataclass(frozen=True)
class NamedVerdict:
    """One verdict and what it is about.

    Parameters
    ----------
    entry
        The part of the plan, e.g. "resection A".
    about
        What of it was judged, e.g. "margins tumour" or "remnant"; empty for the entry as a whole.
    """

    entry: str
    about: str
    verdict: Verdict

    @property
    def text(self) -> str:
        """Both, for a person, e.g. "resection A, margins tumour"."""
        return f"{self.entry}, {self.about}" if self.about else self.entry


def verdicts_of(evaluation: PlanEvaluation) -> tuple[NamedVerdict, ...]:
    """All verdicts of an evaluated plan, entry by entry.

    They are gathered from the JSON that is published, every field whose name ends in "verdict": a kind of entry that is
    added later can't be forgotten here, where a forgotten one would let a plan pass.
    """
    return tuple(_gather(evaluation_as_json(evaluation)))


def worst_by_entry(verdicts: tuple[NamedVerdict, ...]) -> dict[str, Verdict]:
    """Entry -> the worst of its verdicts."""
    entries = dict.fromkeys(v.entry for v in verdicts)
    return {e: worst(tuple(v.verdict for v in verdicts if v.entry == e)) for e in entries}


def _gather(content: dict[str, Any]) -> Iterator[NamedVerdict]:
    for key, value in content.items():
        for n, item in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(item, dict) or (key in _MEMBERS and len(item[_MEMBERS[key]]) < 2):
                continue
            if item.get("are_alternatives"):
                # Of two needles to one target only one is carried out: they can't meet.
                continue
            entry = f"{_LISTS.get(key, key.replace('_', ' '))} {_name(item, n)}"
            yield from (NamedVerdict(entry, about, verdict) for about, verdict in _within(item, ""))


def _within(item: dict[str, Any], about: str) -> Iterator[tuple[str, Verdict]]:
    """The verdicts inside an entry; one that only sums up those below it is left out."""
    below = list(_below(item, about))
    for key, value in item.items():
        if key.endswith(_ENDING) and isinstance(value, str):
            own, verdict = key.removesuffix(_ENDING).strip("_").replace("_", " "), Verdict(value)
            if own or all(v is not verdict for _, v in below):
                yield " ".join(filter(None, (about, own))), verdict
    yield from below


def _below(item: dict[str, Any], about: str) -> Iterator[tuple[str, Verdict]]:
    for key, value in item.items():
        if key == "clearances" and "limits" in item:
            # Each clearance that was asked for is among the limits.
            continue
        if isinstance(value, dict):
            yield from _within(value, " ".join(filter(None, (about, key.replace("_", " ")))))
        elif isinstance(value, list):
            for n, part in enumerate(value):
                if isinstance(part, dict):
                    yield from _within(part, " ".join(filter(None, (about, key.replace("_", " "), _name(part, n)))))


def _name(item: dict[str, Any], n: int) -> str:
    if item.get("names"):
        return " and ".join(item["names"])
    own = next((str(item[key]) for key in _NAMED_BY if item.get(key)), "")
    kind = str(item.get("kind", ""))
    return " ".join(dict.fromkeys(filter(None, (kind, own)))) or str(n + 1)
