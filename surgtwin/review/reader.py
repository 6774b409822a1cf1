"""Readers: people with a key on this computer, which only their passphrase opens. A typed name signs nothing.

A reader is one file in the configuration folder: name, role, public key, and the private key (Ed25519, RFC 8032)
encrypted by the passphrase (PKCS #8, scrypt). Whoever has a twin can check the signatures in it; nobody can make one
in another's name without that file and that passphrase. What a key's holder is called is only as sure as the moment
the reader was made: compare `fingerprint` by another way before you rely on a name from elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..atomic_file import write_bytes_atomically
from ..domain.review import SignOff
from ..errors import ReviewError
from ..settings import config_folder

FOLDER = "readers"
SUFFIX = ".reader.json"
SHORTEST_PASSPHRASE = 8
LONGEST_NAME = 80
_HEX = re.compile(r"^[0-9a-f]+$")


@dataclass(frozen=True)
class Reader:
    """A reader as others see them.

    Parameters
    ----------
    name, role
        E.g. "Dr. B", "radiologist".
    key
        The public key, 64 hex digits.
    """

    name: str
    role: str
    key: str

    @property
    def fingerprint(self) -> str:
        """The start of the key in groups, for people to compare."""
        return " ".join(self.key[n : n + 4] for n in range(0, 16, 4))


class UnlockedReader:
    """A reader whose passphrase was given: signs until the program ends. Never written down, never shown."""

    def __init__(self, reader: Reader, key: Ed25519PrivateKey) -> None:
        self.reader = reader
        self._key = key

    def signed(self, sign_off: SignOff, case_id: str) -> SignOff:
        """The statement with this reader's signature. Raises ReviewError if it names another reader."""
        if (sign_off.reader, sign_off.reader_key) != (self.reader.name, self.reader.key):
            raise ReviewError(f"A statement of {sign_off.reader} can't be signed by {self.reader.name}.")
        unsigned = replace(sign_off, signature="")
        return replace(unsigned, signature=self._key.sign(unsigned.statement(case_id)).hex())


def is_genuine(sign_off: SignOff, case_id: str) -> bool:
    """Whether the holder of the statement's key signed exactly this, of this case."""
    if not _HEX.match(sign_off.signature or "x") or not _HEX.match(sign_off.reader_key):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(sign_off.reader_key))
        key.verify(bytes.fromhex(sign_off.signature), sign_off.statement(case_id))
    except (InvalidSignature, ValueError):
        return False
    return True


def add_reader(name: str, role: str, passphrase: str, folder: Path | None = None) -> Reader:
    """Make a reader on this computer.

    Raises
    ------
    ReviewError
        If the name is taken or no plain line of text, or the passphrase is too short.
    DiskError
        If the file can't be written.
    """
    _check_name(name)
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise ReviewError(f"A passphrase needs at least {SHORTEST_PASSPHRASE} characters.")
    if any(r.name.casefold() == name.casefold() for r in readers(folder)):
        raise ReviewError(f"There is a reader '{name}' on this computer already.")
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw().hex()
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode("utf-8")),
    )
    record = {"format": "surgtwin reader 1", "name": name, "role": role, "key": public, "sealed": sealed.decode()}
    target = _folder(folder)
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_bytes_atomically(target / f"{public[:16]}{SUFFIX}", json.dumps(record, indent=1).encode("utf-8"))
    return Reader(name, role, public)


def readers(folder: Path | None = None) -> list[Reader]:
    """The readers of this computer, by name; files that are damaged are left out."""
    return sorted((r for r, _ in _records(folder)), key=lambda r: r.name.casefold())


def unlock(name: str, ask: Callable[[], str], folder: Path | None = None) -> UnlockedReader:
    """The reader of that name, able to sign.

    Parameters
    ----------
    ask
        Gives the passphrase; called once, and only if there is such a reader.

    Raises
    ------
    ReviewError
        If there is no such reader on this computer, or the passphrase is not theirs.
    """
    found = [(r, sealed) for r, sealed in _records(folder) if r.name.casefold() == name.casefold()]
    if not found:
        there_are = ", ".join(f"'{r.name}'" for r in readers(folder)) or "none yet"
        raise ReviewError(
            f"There is no reader '{name}' on this computer; there are: {there_are}. "
            "Make one with: surgtwin review reader add NAME"
        )
    reader, sealed = found[0]
    try:
        key = serialization.load_pem_private_key(sealed.encode("ascii"), ask().encode("utf-8"))
    except (ValueError, TypeError) as error:
        raise ReviewError(f"That is not the passphrase of {reader.name}.") from error
    if not isinstance(key, Ed25519PrivateKey) or key.public_key().public_bytes_raw().hex() != reader.key:
        raise ReviewError(f"The key file of {reader.name} is damaged: it holds another key than it says.")
    return UnlockedReader(reader, key)


def _records(folder: Path | None) -> list[tuple[Reader, str]]:
    found = []
    for path in sorted(_folder(folder).glob(f"*{SUFFIX}")):
        try:
            record: Any = json.loads(path.read_text(encoding="utf-8"))
            fields = [record[f] for f in ("name", "role", "key", "sealed")]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if all(isinstance(f, str) for f in fields) and _HEX.match(fields[2]):
            found.append((Reader(*fields[:3]), fields[3]))
    return found


def _folder(folder: Path | None) -> Path:
    return (folder or config_folder()) / FOLDER


def _check_name(name: str) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise ReviewError(
            f"A reader's name is one line of at most {LONGEST_NAME} printable characters; found {name!r}."
        )
