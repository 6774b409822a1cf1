from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from segmentation.model_layout import choose_models, dataset_of, first_stage, is_totalsegmentator
from surgtwin.errors import ModelError

FULL, LOW, CASCADE, FLAT = "3d_fullres", "3d_lowres", "3d_cascade_fullres", "2d"


def folders(*names: str) -> list[PurePosixPath]:
    return [PurePosixPath(name) for name in names]


def of_sets(*numbers: int) -> list[PurePosixPath]:
    return folders(*(f"Dataset{n:03d}_Any/T__P__{FULL}" for n in numbers))


def test_the_number_of_a_data_set_is_read_from_its_folder() -> None:
    assert [dataset_of(f) for f in of_sets(7, 291)] == [7, 291]
    assert dataset_of(PurePosixPath("results/T__P__2d")) is None
    assert is_totalsegmentator(PurePosixPath("Dataset297_TotalSegmentator_total_3mm_1559subj/T__P__3d_fullres"))
    assert not is_totalsegmentator(of_sets(7)[0])


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ([295, 291, 294, 292, 293], [291, 292, 293, 294, 295]),
        ([851, 850, 297], [850, 851]),
        ([291, 293], [291, 293]),
        ([7], [7]),
    ],
)
def test_a_whole_family_is_taken_else_everything(there: list[int], taken: list[int]) -> None:
    assert choose_models(of_sets(*there), "it") == of_sets(*taken)


def test_two_families_need_a_choice() -> None:
    both = of_sets(850, 851, 778, 779)
    with pytest.raises(ModelError, match=r"--datasets 850,851.*--datasets 778,779"):
        choose_models(both, "it")
    assert choose_models(both, "it", datasets=[779, 778]) == of_sets(778, 779)


def test_several_configurations_need_a_choice_and_a_cascade_none() -> None:
    given = folders(*(f"T__P__{c}" for c in (FULL, FLAT)))
    with pytest.raises(ModelError, match="--configuration: 2d, 3d_fullres"):
        choose_models(given, "it")
    assert choose_models(given, "it", FLAT) == given[1:]
    cascade = folders(f"T__P__{LOW}", f"T__P__{CASCADE}")
    assert choose_models(cascade, "it") == cascade[1:]
    assert first_stage(cascade[1], cascade) == cascade[0] and first_stage(cascade[0], cascade) is None


def test_a_first_stage_inside_its_model_is_no_further_model() -> None:
    assert choose_models(folders(".", LOW), "it") == folders(".")
    assert choose_models(folders("m", f"m/{LOW}"), "it") == folders("m")
