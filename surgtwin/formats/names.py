"""The file given with --names: JSON that says what each label value is called."""

from __future__ import annotations

import json
from pathlib import Path

from ..domain.labels import MAX_LABEL
from ..errors import FormatError

MAX_BYTES = 10 << 20
BACKGROUND = "background"
"""What many lists call 0; it is no structure."""
_NEEDED = 'Needed is {"1": "liver", "2": "portal vein"}.'


def read_names(path: Path) -> dict[int, str]:
    """Label value -> name, kept verbatim, from JSON like {"1": "liver", "2": "portal vein"}; "0": "background" may be.

    Raises
    ------
    FormatError
        If it is no such JSON, a key is no label (1 to 65535), a name is empty, or a label or name stands twice.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FormatError(f"'{path.name}' is too large for a list of names.")
        pairs = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_Pairs)
    except OSError as error:
        raise FormatError(f"'{path.name}' cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"'{path.name}' is not JSON. {_NEEDED}") from error
    if not isinstance(pairs, _Pairs):
        raise FormatError(f"'{path.name}' is no JSON object. {_NEEDED}")
    names: dict[int, str] = {}
    for key, name in pairs:
        if key.strip() == "0" and isinstance(name, str) and name.strip().lower() == BACKGROUND:
            continue
        label = _label(key, path)
        if not isinstance(name, str) or not name.strip():
            raise FormatError(f"'{path.name}' gives no name to label {label}.")
        if label in names or name in names.values():
            raise FormatError(f"'{path.name}' has label {label} or the name '{name}' twice.")
        names[label] = name
    return names


class _Pairs(list[tuple[str, object]]):
    """A JSON object that keeps keys that stand twice."""


def _label(key: str, path: Path) -> int:
    text = key.strip()
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MAX_LABEL or len(text) > 9:
        raise FormatError(f"'{path.name}' has the key '{key[:20]}'; keys are label values, 1 to {MAX_LABEL}.")
    return int(text)
