"""Who is written down as the author of a change."""

from __future__ import annotations

import getpass


def author(by: str | None) -> str:
    """The name given with --by, else the account's; "unknown" on a computer that has none."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
