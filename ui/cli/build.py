"""`surgtwin build`: from an image to a saved twin."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from surgtwin.mesh.extract import MeshSettings
from surgtwin.pipeline.build_twin import BuildSettings, build_twin
from surgtwin.pipeline.label_input import given_labels
from surgtwin.pipeline.summary import twin_summary
from surgtwin.store.save import require_free, save_twin

from .console import ProgressBar, note, say, write_json
from .info import say_twin
from .input_steps import network, note_findings, open_chosen_image
from .liver_proposals import proposing
from .usage import UsageError

if TYPE_CHECKING:
    from surgtwin.domain.volume import Volume
    from surgtwin.pipeline.ports import Segmentation
    from surgtwin.progress import Progress


def run(options: argparse.Namespace) -> int:
    if options.names is not None and options.labels is None:
        raise UsageError("--names gives names to the labels of a --labels file; there is none.")
    if options.labels is not None and (options.structures is not None or options.channel is not None):
        raise UsageError("--structures and --channel are for the network; with --labels none runs.")
    require_free(options.output, options.force)
    bar = ProgressBar()
    progress = bar.progress()
    try:
        volume, choice = open_chosen_image(options, progress.part(0.0, 0.1))
        note(f"image: {choice.description or choice.key}  [{choice.key}]")
        settings = BuildSettings(mesh=MeshSettings(decimate=options.decimate), regularise=options.regularise)
        twin = build_twin(volume, _segment(options), settings=settings, progress=progress.part(0.1, 0.95))
        save_twin(twin, options.output, overwrite=options.force, progress=progress.part(0.95, 1.0, "Saving"))
    finally:
        bar.close()
    if options.json:
        write_json({"twin": str(options.output), "series": choice.key, **twin_summary(twin)})
    else:
        say_twin(twin)
        say(f"\nsaved: {options.output}")
    note_findings(twin.findings)
    return 0


def _segment(options: argparse.Namespace) -> Callable[[Volume, Progress], Segmentation]:
    if options.labels is None:
        return proposing(options, network(options))
    return proposing(options, lambda volume, progress: given_labels(options.labels, volume, options.names, progress))
