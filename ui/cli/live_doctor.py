"""`surgtwin live doctor`: whether this computer can follow live sources, in plain words."""

from __future__ import annotations

import argparse

from surgtwin.live.self_test import run_self_test

from .console import say, write_json

EXIT_ENVIRONMENT = 5


def run(options: argparse.Namespace) -> int:
    results = run_self_test(options.port)
    if options.json:
        rows = [
            {"name": r.name, "is_ok": r.is_ok, "text": r.text, "advice": r.advice, **dict(r.figures)} for r in results
        ]
        write_json({"is_ok": all(r.is_ok for r in results), "tests": rows})
    else:
        for r in results:
            say(f"{'ok    ' if r.is_ok else 'FAILED'}  {r.name}: {r.text}" + (f" {r.advice}" if r.advice else ""))
    return 0 if all(r.is_ok for r in results) else EXIT_ENVIRONMENT
