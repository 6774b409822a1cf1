"""What a slice view shows: the state's own image, or the one that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from surgtwin.domain.twin import Twin, TwinImage
from surgtwin.domain.volume import Volume
from ui.render.appearance import Look, default_looks
from ui.render.slice_source import SliceSource

from ..state import AppState, Comparison
from ..wording import modality_words


@dataclass(frozen=True, eq=False)
class SliceSubject:
    """An image with its labels, cut-ready. `title` names the series."""

    title: str
    volume: Volume
    source: SliceSource
    twin: Twin | None = None
    image: TwinImage | None = None


def open_subject(state: AppState) -> SliceSubject | None:
    """What is open: an image of the twin, or a volume that has no twin yet."""
    if state.volume is None:
        return None
    title = _series_title(state.volume)
    if state.twin is None or state.image is None:
        return SliceSubject(title, state.volume, SliceSource(state.volume))
    source = SliceSource.of_twin(state.twin, state.image)
    return SliceSubject(title, state.volume, source, state.twin, state.image)


def compared_subject(comparison: Comparison) -> SliceSubject:
    """The other side of a comparison."""
    source = SliceSource.of_twin(comparison.twin, comparison.image)
    return SliceSubject(comparison.title, comparison.image.volume, source, comparison.twin, comparison.image)


def looks_of(state: AppState, subject: SliceSubject) -> dict[str, Look]:
    """How the subject's structures look: as the state says, where it knows the name."""
    if subject.twin is None:
        return {}
    known = set(state.structure_names())
    return {
        name: Look(state.visible(name), state.colour(name), state.opacity(name)) if name in known else look
        for name, look in default_looks(subject.twin.labels).items()
    }


def _series_title(volume: Volume) -> str:
    return volume.source.description or modality_words(volume)
