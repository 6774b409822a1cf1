"""The segmenter that the desktop uses: the model for the image's modality, as the settings say."""

from __future__ import annotations

from collections.abc import Callable

from surgtwin.domain.volume import Modality, Volume
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import Progress
from surgtwin.settings import Settings

Segment = Callable[[Volume, Progress], Segmentation]


def segment_by(settings: Callable[[], Settings]) -> Segment:
    """A function that loads the network when it is first called, on whatever thread that is."""

    def segment(volume: Volume, progress: Progress) -> Segmentation:
        from segmentation.infer import InferenceSettings
        from segmentation.segmenter import UNetSegmenter

        now = settings()
        model = {Modality.CT: now.model_ct, Modality.MR: now.model_mr}.get(volume.modality, "")
        return UNetSegmenter(model or None, InferenceSettings(device=now.device)).segment(volume, progress)

    return segment
