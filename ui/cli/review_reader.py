"""`surgtwin review reader`: make and list the readers of this computer."""

from __future__ import annotations

import argparse

from surgtwin.review.reader import add_reader, readers

from .console import say, table, write_json
from .passphrase import ask_passphrase


def run(options: argparse.Namespace) -> int:
    if options.verb == "add":
        return _add(options)
    there = readers()
    if options.json:
        write_json({"readers": [{"name": r.name, "role": r.role, "key": r.key} for r in there]})
    elif there:
        say(table([[r.name, r.role, r.fingerprint] for r in there], ("reader", "role", "fingerprint of the key")))
    else:
        say("There is no reader on this computer yet. `surgtwin review reader add NAME` makes one.")
    return 0


def _add(options: argparse.Namespace) -> int:
    passphrase = ask_passphrase(options.passphrase_file, f"A passphrase for {options.name}", twice=True)
    reader = add_reader(options.name, options.role, passphrase)
    if options.json:
        write_json({"name": reader.name, "role": reader.role, "key": reader.key})
    else:
        say(f"{reader.name} ({reader.role}) can sign on this computer; fingerprint of the key: {reader.fingerprint}")
    return 0
