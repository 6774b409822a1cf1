"""`--roi` and `--mode` as they are typed."""

from __future__ import annotations

import pytest

from ui.cli.main import build_parser
from ui.cli.roi import region_mm

SEGMENT = ["segment", "in.nii.gz", "-o", "out.nii.gz"]


def test_a_box_is_three_ranges_in_lps_mm() -> None:
    options = build_parser().parse_args([*SEGMENT, "--roi=-120:40,-90.5:80,900:1100"])
    region = region_mm(options.roi)
    assert region is not None
    assert region.low == (-120.0, -90.5, 900.0) and region.high == (40.0, 80.0, 1100.0)
    assert region_mm(build_parser().parse_args(SEGMENT).roi) is None


@pytest.mark.parametrize(
    "text", ["", "1:2", "1:2,3:4,5", "2:1,3:4,5:6", "a:b,1:2,3:4", "0:nan,0:1,0:1", "0:1,0:1,0:inf"]
)
def test_what_is_no_box_is_refused_with_an_example(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args([*SEGMENT, f"--roi={text}"])
    assert "three ranges low:high" in capsys.readouterr().err


def test_modes_are_named_and_fast_is_one_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_parser().parse_args([*SEGMENT, "--mode", "bf16"]).mode == "bf16"
    for wrong in (["--mode", "turbo"], ["--mode", "bf16", "--fast"]):
        with pytest.raises(SystemExit):
            build_parser().parse_args([*SEGMENT, *wrong])
    assert "wide-step" in capsys.readouterr().err
