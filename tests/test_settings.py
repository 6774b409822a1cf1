"""Settings: kept, atomic, tolerant of damage."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from surgtwin.errors import DiskError
from surgtwin.settings import (
    FILE_NAME,
    MAX_LIVE_SOURCES,
    MAX_RECENT,
    MouseProfile,
    RecentTwin,
    Settings,
    load_settings,
    save_settings,
    with_live_source,
    with_recent,
)

FULL = Settings(
    mouse_profile=MouseProfile.SLICER,
    scale_percent=150,
    twins_folder="/data/twins",
    reader="AB",
    model_ct="ct_abdomen",
    device="cpu",
    label_opacity=0.25,
    window_geometry="AAEC",
    recent=(RecentTwin("/data/a.twin", "a", "1.png"), RecentTwin("/data/b.twin")),
    colours={"case-1": {"liver": "#0ac81e"}},
    live_sources=("tracker:18944", "localhost:18945"),
)


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    save_settings(FULL, tmp_path / "new" / "folder")
    assert load_settings(tmp_path / "new" / "folder") == FULL


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"scale_percent": {}}'])
def test_damaged_file_gives_the_defaults(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    assert load_settings(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("field", "value"),
    [("mouse_profile", "trackball"), ("scale_percent", "big"), ("recent", 3), ("colours", []), ("reader", 7),
     ("live_sources", 5), ("label_opacity", None), ("unknown", 1)],
)  # fmt: skip
def test_one_damaged_value_costs_no_other(tmp_path: Path, field: str, value: object) -> None:
    save_settings(FULL, tmp_path)
    path = tmp_path / FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    read = load_settings(tmp_path)
    default = getattr(Settings(), field, None)
    assert read == (FULL if field == "unknown" else replace(FULL, **{field: default}))


def test_values_out_of_range_are_brought_into_it(tmp_path: Path) -> None:
    save_settings(replace(FULL, scale_percent=5000, label_opacity=-3.0), tmp_path)
    read = load_settings(tmp_path)
    assert (read.scale_percent, read.label_opacity) == (300, 0.0)


def test_failed_write_leaves_the_old_settings_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_settings(FULL, tmp_path)

    def refuse(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(DiskError, match="No space"):
        save_settings(Settings(), tmp_path)
    monkeypatch.undo()
    assert load_settings(tmp_path) == FULL
    assert [p.name for p in tmp_path.iterdir()] == [FILE_NAME]


def test_recent_list_holds_each_path_once_newest_first() -> None:
    settings = Settings()
    for n in range(MAX_RECENT + 3):
        settings = replace(settings, recent=with_recent(settings, RecentTwin(f"/t/{n}")))
    settings = replace(settings, recent=with_recent(settings, RecentTwin("/t/9", "again")))
    paths = [r.path for r in settings.recent]
    assert paths[0] == "/t/9"
    assert len(paths) == len(set(paths)) == MAX_RECENT


def test_live_sources_are_kept_once_the_last_one_first() -> None:
    settings = Settings()
    for n in (*range(MAX_LIVE_SOURCES + 2), 4):
        settings = replace(settings, live_sources=with_live_source(settings, f"host:{n}"))
    assert settings.live_sources[:2] == ("host:4", f"host:{MAX_LIVE_SOURCES + 1}")
    assert len(settings.live_sources) == len(set(settings.live_sources)) == MAX_LIVE_SOURCES
