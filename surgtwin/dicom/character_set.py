"""Text beyond ASCII, by pydicom's tables of DICOM's character sets (PS3.3, C.12.1.1.2)."""

from __future__ import annotations

from .quiet import quiet_pydicom

_DELIMITERS = {0x5C, 0x5E, 0x3D, 0x0A, 0x0C, 0x0D, 0x09}
"""Where code extensions fall back to the first character set: backslash, caret, equals, line ends, tab."""


def decode_text(value: bytes, character_set: str) -> str:
    """`value` decoded; characters that the set does not know are replaced."""
    from pydicom.charset import convert_encodings, decode_bytes

    with quiet_pydicom():
        try:
            encodings = convert_encodings([part.strip() for part in character_set.split("\\")] or ["ISO_IR 6"])
            return str(decode_bytes(value, encodings, _DELIMITERS))
        except (LookupError, ValueError, TypeError):
            return value.decode("latin-1")
