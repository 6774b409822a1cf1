"""`surgtwin mesh`: from a label map to surfaces."""

from __future__ import annotations

import argparse

from surgtwin.domain.finding import finding_as_json
from surgtwin.mesh.extract import MeshSettings, extract_meshes
from surgtwin.pipeline.build_twin import mesh_findings
from surgtwin.pipeline.export import write_label_surfaces
from surgtwin.pipeline.label_input import read_any_labels
from surgtwin.pipeline.summary import structure_summary

from .console import ProgressBar, say, write_json
from .input_steps import note_findings, wanted_structures


def run(options: argparse.Namespace) -> int:
    bar = ProgressBar()
    progress = bar.progress()
    try:
        reading = read_any_labels(options.labels, None, options.names)
        labels = reading.labels
        names = wanted_structures(options.structures, (s.name for s in labels.structures))
        settings = MeshSettings(decimate=options.decimate)
        meshes = extract_meshes(labels, settings, progress.part(0.1, 0.9, "Making surfaces"), names=names)
        files = write_label_surfaces(labels, meshes, options.output, formats=options.format, frame=options.frame)
    finally:
        bar.close()
    findings = (*reading.findings, *(mesh_findings(labels, meshes) if names is None else ()))
    if options.json:
        by_name = {m.name: m for m in meshes}
        shown = [s for s in labels.structures if names is None or s.name in names]
        write_json(
            {
                "output": str(options.output),
                "files": [str(f) for f in files],
                "structures": [structure_summary(labels, s, by_name.get(s.name)) for s in shown],
                "findings": [finding_as_json(f) for f in findings],
            }
        )
    else:
        say(f"{len(meshes)} surfaces, {len(files)} files in {options.output}")
    note_findings(findings)
    return 0
