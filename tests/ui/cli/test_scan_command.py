"""What `surgtwin scan` says to a person who has to choose."""

from __future__ import annotations

from tests.conftest import make_oblique_grid
from tests.dicom.series_writer import ct_values, write_series
from ui.cli.main import main

GRID = make_oblique_grid((6, 8, 10))
VALUES = ct_values(GRID.shape)


def test_stacks_of_one_series_are_told_apart(tmp_path, capsys):
    for number in (1, 2):

        def phase(ds, k, number=number):
            ds.AcquisitionNumber = number

        write_series(tmp_path / str(number), GRID, VALUES, uids=("1.2.3", "1.2.3.4", "1.2.3.5"), change=phase)
    assert main(["scan", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "- stack 1 of 2 of its series: acquisition 1" in told
    assert "- stack 2 of 2 of its series: acquisition 2" in told


def test_slices_that_may_be_missing_are_said_of_a_series_that_loads(tmp_path, capsys):
    paths = write_series(tmp_path, GRID, VALUES)
    paths[-1].write_bytes(b"")
    assert main(["scan", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert f"! 1 DICOM files in the folder of this series are damaged ({paths[-1].name}: it is empty)" in told
