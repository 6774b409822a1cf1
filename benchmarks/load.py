"""Loading a DICOM series: ours against SimpleITK's series reader and a plain pydicom stack.

    python benchmarks/load.py [--slices 400] [--size 512] [--repeats 3]

Each run is a process of its own, interleaved with the others; the file system is warm. Wall time is measured inside the
process around the work alone (imports apart); peak memory is the growth over the process' memory after its imports.
Each of them finds the series in the folder and reads it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

METHODS = ("surgtwin", "surgtwin, scanned", "SimpleITK", "pydicom stack")
"""'scanned': the series was found before, as in the desktop, and is only loaded."""


def write_series(folder: Path, slices: int, size: int) -> None:
    """A CT of smooth noise, 12 in 16 bits, with about as many attributes as a scanner writes."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    random = np.random.default_rng(0)
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    base = random.integers(0, 4096, (size, size), dtype=np.uint16)
    for k in range(slices):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.PatientName, ds.PatientID, ds.Modality = "Benchmark", "B-1", "CT"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.InstanceNumber, ds.PatientPosition = k + 1, "HFS"
        ds.ImagePositionPatient = [-200.0, -200.0, -300.0 + 1.25 * k]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [0.78, 0.78], 1.25
        for n in range(60):
            ds.add_new((0x0019, 0x1000 + n), "DS", f"{n}.5")
        ds.add_new((0x0019, 0x0010), "LO", "BENCHMARK")
        ds.Rows = ds.Columns = size
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
        ds.PixelData = np.roll(base, k, axis=0).tobytes()
        ds.save_as(folder / f"{k:05d}.dcm", enforce_file_format=True)


def by_surgtwin(folder: Path) -> Callable[[], object]:
    import psutil  # noqa: F401
    import pydicom  # noqa: F401

    from surgtwin.dicom.load import load
    from surgtwin.dicom.scan import scan

    return lambda: load(scan(folder).series[0]).values


def by_surgtwin_scanned(folder: Path) -> Callable[[], object]:
    import psutil  # noqa: F401
    import pydicom  # noqa: F401

    from surgtwin.dicom.load import load
    from surgtwin.dicom.scan import scan

    series = scan(folder).series[0]
    return lambda: load(series).values


def by_simpleitk(folder: Path) -> Callable[[], object]:
    import SimpleITK as sitk

    def read() -> object:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        return reader.Execute()

    return read


def by_pydicom(folder: Path) -> Callable[[], object]:
    import numpy as np
    import pydicom

    def read() -> object:
        slices = [pydicom.dcmread(f) for f in folder.iterdir()]
        slices.sort(key=lambda ds: ds.ImagePositionPatient[2])
        return np.stack([ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept for ds in slices])

    return read


PREPARE = dict(zip(METHODS, (by_surgtwin, by_surgtwin_scanned, by_simpleitk, by_pydicom), strict=True))


def measure(method: str, folder: Path) -> dict[str, float]:
    """Wall seconds and peak growth in MiB of one run in this process."""
    import resource
    import time

    import psutil

    read = PREPARE[method](folder)
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    kept = read()
    wall = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    del kept
    return {"wall_s": wall, "peak_mib": (peak - before) / 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--run", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(measure(options.run, options.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_series(Path(folder), options.slices, options.size)
        print(f"{options.slices} slices of {options.size} x {options.size}, median of {options.repeats}")
        report(Path(folder), options.repeats)


def report(folder: Path, repeats: int) -> None:
    runs: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
    for _ in range(repeats):
        for method in METHODS:
            command = [sys.executable, __file__, "--run", method, "--folder", str(folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
            runs[method].append(json.loads(done.stdout))
    medians = {method: _median(found) for method, found in runs.items()}
    peer = medians["SimpleITK"]
    for method, found in medians.items():
        wall, peak = found["wall_s"], found["peak_mib"]
        print(
            f"{method:18s} {wall:6.2f} s  {peak:7.0f} MiB   against SimpleITK: "
            f"wall {wall / peer['wall_s']:.2f}, peak {peak / peer['peak_mib']:.2f}"
        )


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
