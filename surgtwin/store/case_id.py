"""Pseudonymous names for cases."""

from __future__ import annotations

import secrets

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0 and O, 1 and I, which are misread on the telephone."""


def new_case_id() -> str:
    """A random case id such as "case-7F3K-92QD": 40 bits, derived from nothing."""
    letters = [secrets.choice(ALPHABET) for _ in range(8)]
    return f"case-{''.join(letters[:4])}-{''.join(letters[4:])}"
