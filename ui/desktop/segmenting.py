"""The segmenter that the desktop uses: the model for the image's modality, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from surgtwin.domain.volume import Modality, Volume
from surgtwin.pipeline.ports import Segmentation
from surgtwin.progress import Progress
from surgtwin.settings import Settings

if TYPE_CHECKING:
    from segmentation.engine_cache import EngineCache

Segment = Callable[[Volume, Progress], Segmentation]


def segment_by(settings: Callable[[], Settings]) -> Segment:
    """A function that loads the network when it is first called, on whatever thread that is, and keeps it."""

    @cache
    def engines() -> EngineCache:
        from segmentation.engine_cache import EngineCache

        return EngineCache()

    def segment(volume: Volume, progress: Progress) -> Segmentation:
        from segmentation.infer import InferenceSettings
        from segmentation.segmenter import UNetSegmenter

        now = settings()
        model = {Modality.CT: now.model_ct, Modality.MR: now.model_mr}.get(volume.modality, "")
        chosen = InferenceSettings(device=now.device)
        return UNetSegmenter(model or None, chosen, engines=engines()).segment(volume, progress)

    return segment
