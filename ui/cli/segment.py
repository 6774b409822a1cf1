"""`surgtwin segment`: from an image to a label map file."""

from __future__ import annotations

import argparse

from surgtwin.domain.finding import finding_as_json
from surgtwin.pipeline.label_output import check_label_path, write_label_file
from surgtwin.pipeline.summary import grid_summary, structure_summary

from .console import ProgressBar, note, say, table, write_json
from .input_steps import check_output_is_free, network, note_findings, open_chosen_image
from .liver_proposals import proposing, say_proposals


def run(options: argparse.Namespace) -> int:
    check_label_path(options.output)
    check_output_is_free(options.output, force=options.force)
    bar = ProgressBar()
    progress = bar.progress()
    try:
        volume, choice = open_chosen_image(options, progress.part(0.0, 0.1))
        note(f"image: {choice.description or choice.key}  [{choice.key}]")
        segmentation = proposing(options, network(options))(volume, progress.part(0.1, 0.95, "Finding organs"))
        said = write_label_file(segmentation.labels, volume, options.output, model=segmentation.model)
    finally:
        bar.close()
    labels = segmentation.labels
    findings = (*volume.findings, *segmentation.findings, *said)
    if options.json:
        write_json(
            {
                "labels": str(options.output),
                "series": choice.key,
                "grid": grid_summary(labels.grid),
                "model": segmentation.model,
                "structures": [structure_summary(labels, s, None) for s in labels.structures],
                "findings": [finding_as_json(f) for f in findings],
            }
        )
    else:
        rows = [[str(s.label), s.name, f"{labels.volume_ml(s):.0f}"] for s in labels.structures]
        say(table(rows, ("label", "structure", "mL"), right=(0, 2)))
        say_proposals(segmentation.model)
        say(f"\nwritten: {options.output}")
    note_findings(findings)
    return 0
