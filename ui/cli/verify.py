"""`surgtwin verify`: is a twin what it was when it was written?"""

from __future__ import annotations

import argparse

from surgtwin.store.verify import verify_twin

from .console import say, write_json

EXIT_BAD = 3


def run(options: argparse.Namespace) -> int:
    report = verify_twin(options.twin)
    if options.json:
        counts = {"events": report.events, "blobs": report.blobs, "plans": report.plans}
        told = {"ok": report.ok, "problems": list(report.problems), **counts, "plan_versions": report.plan_versions}
        write_json(told)
    else:
        for problem in report.problems:
            say(f"problem: {problem}")
        plans = f", {report.plans} plans in {report.plan_versions} versions" if report.plans else ""
        say(f"{'sound' if report.ok else 'DAMAGED'}: {report.events} events, {report.blobs} blobs checked{plans}")
    return 0 if report.ok else EXIT_BAD
