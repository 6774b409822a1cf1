"""`surgtwin review report`: the validation report of a twin, as PDF or HTML."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from surgtwin.report.review_report import review_report
from surgtwin.report.subject import ReportedTwin
from surgtwin.review.work_list import work_item
from surgtwin.store.journal import find_twin, read_state
from surgtwin.store.load import load_twin
from surgtwin.store.reviews import load_review
from ui.report.write import write_report

from .console import ProgressBar, say, write_json
from .report import check_report_is_possible


def run(options: argparse.Namespace) -> int:
    check_report_is_possible(options)
    twin = load_twin(options.twin)
    item = work_item(options.twin, load_review(options.twin))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    log = read_state(find_twin(options.twin)).head_hash
    report = review_report(ReportedTwin(twin, now, log, options.with_identity), item)
    bar = ProgressBar()
    try:
        write_report(report, twin, options.output, progress=bar.progress())
    finally:
        bar.close()
    if options.json:
        write_json({"output": str(options.output), "title": report.title, "state": item.state.value})
    else:
        say(f"written: {options.output}")
    return 0
