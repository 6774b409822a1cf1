"""`surgtwin export-labels`: a twin's label map as a file."""

from __future__ import annotations

import argparse

from surgtwin.pipeline.label_output import check_label_path, write_label_file
from surgtwin.pipeline.summary import finding_summary
from surgtwin.store.load import load_twin

from .console import say, write_json
from .input_steps import check_output_is_free, note_findings


def run(options: argparse.Namespace) -> int:
    check_label_path(options.output, as_rtstruct=options.rtstruct)
    check_output_is_free(options.output, force=options.force)
    twin = load_twin(options.twin)
    volume = twin.image(twin.labels_on).volume
    findings = write_label_file(
        twin.labels,
        volume,
        options.output,
        layer=options.layer,
        as_rtstruct=options.rtstruct,
        model=twin.provenance.model,
    )
    if options.json:
        write_json({"output": str(options.output), "findings": [finding_summary(f) for f in findings]})
    else:
        say(f"written: {options.output}")
        note_findings(findings)
    return 0
