"""`surgtwin export`: a twin's surfaces as files."""

from __future__ import annotations

import argparse

from surgtwin.pipeline.export import export_meshes
from surgtwin.store.load import load_twin

from .console import ProgressBar, say, write_json
from .input_steps import wanted_structures


def run(options: argparse.Namespace) -> int:
    twin = load_twin(options.twin)
    names = wanted_structures(options.structures, (m.name for m in twin.meshes))
    bar = ProgressBar()
    try:
        files = export_meshes(
            twin,
            options.output,
            formats=options.format,
            names=names,
            frame=options.frame,
            decimate=options.decimate,
            progress=bar.progress(),
        )
    finally:
        bar.close()
    if options.json:
        write_json({"output": str(options.output), "files": [str(f) for f in files]})
    else:
        say(f"{len(files)} files in {options.output}")
    return 0
