"""What a model calls its structures, and what the structure table calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from surgtwin.domain.structure_table import match


@dataclass(frozen=True)
class NamedLabel:
    """A label value, the model's own name for it, and the name that the program uses.

    ``is_known`` tells whether the structure table has it; if not, the model's name is kept.
    """

    value: int
    given: str
    name: str
    is_known: bool


def named_labels(names: Mapping[str, int]) -> tuple[NamedLabel, ...]:
    """Return every label of a model by value; two labels of one standard structure keep the model's own names."""
    rows = {given: match(given) for given in names}
    standard = [row.name for row in rows.values() if row is not None]
    result = []
    for given, value in names.items():
        row = rows[given]
        is_own = row is not None and standard.count(row.name) == 1 and (row.name == given or row.name not in names)
        result.append(NamedLabel(value, given, row.name if row is not None and is_own else given, row is not None))
    return tuple(sorted(result, key=lambda n: n.value))
