"""Two scans of a twin, opened as the options name them."""

from __future__ import annotations

import argparse

from surgtwin.domain.twin import Twin
from surgtwin.live.scan_pair import ScanPair, scan_pair
from surgtwin.pipeline.label_input import given_labels
from surgtwin.progress import Progress
from surgtwin.store.load import load_twin


def open_pair(options: argparse.Namespace, progress: Progress) -> tuple[Twin, ScanPair]:
    """The twin, and its own structures beside those of the other image."""
    twin = load_twin(options.twin, revision=options.revision)
    other = twin.image(options.image)
    labels = given_labels(options.labels, other.volume, options.names, progress.part(0.0, 0.2)).labels
    return twin, scan_pair(twin, options.image, labels, days=options.days, progress=progress.part(0.2, 1.0))
