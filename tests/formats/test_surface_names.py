from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgtwin.formats.surface_names import file_stems


def test_spaces_become_underscores_and_the_rest_stays():
    assert file_stems(["portal vein", "Leber (links)"]) == {
        "portal vein": "portal_vein",
        "Leber (links)": "Leber_(links)",
    }


@pytest.mark.parametrize("name", ["con", "NUL", "com1", "LPT9", "aux.old", "COM¹"])
def test_names_of_windows_devices_are_changed(name: str):
    (stem,) = file_stems([name]).values()
    assert stem != name and stem.startswith(name[:3])


def test_names_that_differ_only_by_case_or_signs_get_numbers():
    stems = file_stems(["Liver", "liver", "LIVER", "a/b", "a:b", "scene"], reserved=["scene"])
    assert len({s.casefold() for s in stems.values()}) == 6
    assert stems["Liver"] == "Liver" and stems["liver"] == "liver_2" and stems["scene"] == "scene_2"


def test_two_unicode_forms_of_a_name_do_not_collide():
    composed, decomposed = (unicodedata.normalize(form, "Ösophagus") for form in ("NFC", "NFD"))
    assert len(set(file_stems([composed, decomposed]).values())) == 2


@given(st.lists(st.text(min_size=1, max_size=200), unique=True, max_size=12))
def test_any_names_give_safe_distinct_stems(names: list[str]):
    stems = file_stems(names)
    assert set(stems) == set(names)
    keys = {unicodedata.normalize("NFC", s.casefold()) for s in stems.values()}
    assert len(keys) == len(names)
    for stem in stems.values():
        assert stem and not set(stem) & set('<>:"/\\|?* \0\n') and not stem.startswith(".") and not stem.endswith(".")
        assert len(stem.encode("utf-8")) <= 200
