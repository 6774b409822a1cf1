"""`surgtwin export-labels`: a twin's label map as a file."""

from __future__ import annotations

import argparse

from surgtwin.domain.finding import finding_as_json
from surgtwin.pipeline.label_output import (
    check_confidence_path,
    check_label_path,
    write_confidence_file,
    write_label_file,
)
from surgtwin.pipeline.revision_labels import labels_on_base, labels_on_new_image
from surgtwin.store.load import load_twin

from .console import say, write_json
from .input_steps import check_output_is_free, note_findings


def run(options: argparse.Namespace) -> int:
    check_label_path(options.output, as_rtstruct=options.rtstruct)
    check_output_is_free(options.output, force=options.force)
    if options.confidence is not None:
        check_confidence_path(options.confidence)
        check_output_is_free(options.confidence, force=options.force)
    twin = load_twin(options.twin, revision=options.revision)
    labels, volume = labels_on_new_image(options.twin, twin) if options.grid == "new" else labels_on_base(twin)
    written = [options.output]
    if options.confidence is not None:
        write_confidence_file(twin.confidence, options.confidence)
        written.append(options.confidence)
    findings = write_label_file(
        labels,
        volume,
        options.output,
        layer=options.layer,
        as_rtstruct=options.rtstruct,
        model=twin.provenance.model,
    )
    if options.json:
        told = {"confidence": str(options.confidence)} if options.confidence is not None else {}
        write_json({"output": str(options.output), **told, "findings": [finding_as_json(f) for f in findings]})
    else:
        say("\n".join(f"written: {path}" for path in written))
        note_findings(findings)
    return 0
