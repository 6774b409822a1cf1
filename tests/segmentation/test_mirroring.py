"""Mirrored patches keep right right, and anatomy that no patient has is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segmentation.mirroring import Mirroring, plan_mirroring
from surgtwin.errors import InputError

PAIRED = {"background": 0, "right kidney": 1, "liver": 2, "left kidney": 3}


def always() -> np.random.Generator:
    """A generator whose draws are all below one half."""

    class Low(np.random.Generator):
        def random(self, *_: object, **__: object) -> float:  # type: ignore[override]
            return 0.1

    return Low(np.random.PCG64(0))


def phantom() -> tuple[torch.Tensor, torch.Tensor]:
    """Off-centre organs on an uneven grid: right kidney at low i, left at high i, the right one higher and in front."""
    labels = torch.zeros(6, 8, 10, dtype=torch.uint8)
    labels[4, 2, 1] = 1
    labels[3, 1, 2] = 2
    labels[1, 6, 8] = 3
    return labels.float() * 10, labels


def test_left_right_gives_each_kidney_the_other_name() -> None:
    mirroring = plan_mirroring(("left-right",), PAIRED)
    assert mirroring is not None
    image, labels = mirroring.apply(*phantom(), always())
    assert (labels == 1).nonzero().tolist() == [[1, 6, 1]], "the former left kidney, now on the right"
    assert (labels == 3).nonzero().tolist() == [[4, 2, 8]]
    assert (labels == 2).nonzero().tolist() == [[3, 1, 7]]
    assert float(image[1, 6, 1]) == 30.0 and float(image[4, 2, 8]) == 10.0, "values move without being renamed"


def test_twice_mirrored_is_the_patient_again() -> None:
    mirroring = plan_mirroring(("left-right", "front-back", "up-down"), PAIRED)
    assert mirroring is not None
    image, labels = phantom()
    again = mirroring.apply(*mirroring.apply(image, labels, always()), always())
    assert torch.equal(again[0], image) and torch.equal(again[1], labels)


def test_front_back_and_up_down_keep_the_sides_and_names() -> None:
    mirroring = plan_mirroring(("front-back", "up-down"), PAIRED)
    assert mirroring == Mirroring((0, 1), (0, 1, 2, 3))
    _, labels = mirroring.apply(*phantom(), always())
    assert (labels == 1).nonzero().tolist() == [[1, 5, 1]] and (labels == 3).nonzero().tolist() == [[4, 1, 8]]


def test_nothing_is_mirrored_unasked() -> None:
    assert plan_mirroring((), {"background": 0, "liver": 1}) is None


def test_a_liver_alone_is_not_learnt_on_the_left() -> None:
    with pytest.raises(InputError, match="liver, spleen would be learnt on the wrong side"):
        plan_mirroring(("left-right",), {"background": 0, "liver": 1, "spleen": 2})
    assert plan_mirroring(("front-back",), {"background": 0, "liver": 1}) is not None


def test_half_a_pair_and_an_unknown_axis_are_named() -> None:
    with pytest.raises(InputError, match="'left kidney' has no 'right kidney'"):
        plan_mirroring(("left-right",), {"background": 0, "left kidney": 1})
    with pytest.raises(InputError, match="sideways"):
        plan_mirroring(("sideways",), PAIRED)
