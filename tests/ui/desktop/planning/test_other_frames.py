"""Organs of another image than the primary one: planned on where both images lie alike, explained where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from surgtwin.domain.twin import Twin, TwinImage
from ui.desktop.planning.judged_desk import other_frame_words


def on_second(twin: Twin, matrix: np.ndarray) -> Twin:
    """The same organs, found on a second series that lies as the matrix says."""
    volume = twin.images[0].volume
    named = replace(volume, source=replace(volume.source, description="Liver arterial 1.0"))
    images = (twin.images[0], TwinImage("image-2", "arterial", named, matrix))
    return replace(twin, images=images, labels_on="image-2")


def test_organs_of_any_series_in_the_frame_of_the_primary_one_can_be_planned_on(twin: Twin) -> None:
    assert other_frame_words(twin) == ""
    assert other_frame_words(on_second(twin, np.eye(4))) == ""


def test_organs_of_a_series_that_lies_elsewhere_are_refused_with_what_to_do(twin: Twin) -> None:
    turn, middle = np.radians(10.0), twin.labels.grid.center()
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    matrix[:3, 3] = middle - matrix[:3, :3] @ middle + np.array([0.0, 3.0, 4.0])
    words = other_frame_words(on_second(twin, matrix))
    assert "'Liver arterial 1.0'" in words
    assert "turned by 10.0\u00b0" in words
    assert "5.0 mm off" in words
    assert "open 'Liver arterial 1.0' by itself" in words
