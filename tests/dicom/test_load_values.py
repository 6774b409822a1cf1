"""Values of a loaded series: depth, sign, byte order, compression, rescale, padding."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2K as HTJ2K_ANY
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from surgtwin.dicom.load import load
from surgtwin.dicom.scan import scan
from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, Volume, Window
from surgtwin.errors import Cancelled, GeometryError, MemoryLimitError, PixelError
from surgtwin.progress import Progress
from tests.conftest import make_oblique_grid
from tests.dicom.series_writer import ct_values, slice_dataset, write_file, write_series

GRID = make_oblique_grid((6, 12, 16))
VALUES = ct_values(GRID.shape)
UIDS = ("1.2.3", "1.2.3.4", "1.2.3.5")


def only(folder: Path, **options: bool) -> Volume:
    result = scan(folder)
    assert [s.reason for s in result.skipped] == []
    assert len(result.series) == 1
    return load(result.series[0], **options)


def codes(volume: Volume) -> set[str]:
    return {f.code for f in volume.findings}


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian],
)
def test_every_uncompressed_syntax_gives_the_same_values(tmp_path: Path, syntax: str) -> None:
    write_series(tmp_path, GRID, VALUES, syntax=syntax)
    volume = only(tmp_path)
    assert volume.values.dtype == np.int16
    assert np.array_equal(volume.values, VALUES)
    assert volume.grid.is_same_space(GRID)


def test_big_endian(tmp_path: Path) -> None:
    def swap(ds: Dataset, k: int) -> None:
        ds.PixelData = (VALUES[k].astype(np.int32) + 1024).astype(">u2").tobytes()

    write_series(tmp_path, GRID, VALUES, change=swap, syntax=ExplicitVRBigEndian)
    assert np.array_equal(only(tmp_path).values, VALUES)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_lossless_compression_gives_the_same_values(tmp_path: Path, syntax: str) -> None:
    def compress(ds: Dataset, k: int) -> None:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(syntax, generate_instance_uid=False)

    values = ct_values((4, 40, 48))
    write_series(tmp_path, make_oblique_grid((4, 40, 48)), values, change=compress, syntax=syntax)
    assert np.array_equal(only(tmp_path).values, values)


def compress_by_gdcm(folder: Path, syntax: str) -> None:
    """Compress every file of a folder with GDCM, in place."""
    import gdcm

    for path in folder.iterdir():
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1])
def test_lossless_jpeg_gives_the_same_values(tmp_path: Path, syntax: str) -> None:
    write_series(tmp_path, GRID, VALUES)
    compress_by_gdcm(tmp_path, syntax)
    assert np.array_equal(only(tmp_path).values, VALUES)


def test_the_processes_that_decode_jpeg_end_with_the_loading(tmp_path: Path) -> None:
    import psutil

    write_series(tmp_path, GRID, VALUES)
    compress_by_gdcm(tmp_path, JPEGLosslessSV1)
    before = {child.pid for child in psutil.Process().children()}
    only(tmp_path)
    assert {child.pid for child in psutil.Process().children()} <= before


def test_extended_jpeg_of_12_bits_comes_close(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES)
    compress_by_gdcm(tmp_path, JPEGExtended12Bit)
    assert np.abs(only(tmp_path).values - VALUES.astype(int)).mean() < 30


def test_near_lossless_jpegls_keeps_within_its_bound(tmp_path: Path) -> None:
    def compress(ds: Dataset, k: int) -> None:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(JPEGLSNearLossless, jls_error=2, generate_instance_uid=False)

    write_series(tmp_path, GRID, VALUES, change=compress, syntax=JPEGLSNearLossless)
    assert np.abs(only(tmp_path).values - VALUES.astype(int)).max() <= 2


def test_baseline_jpeg_of_8_bits_comes_close(tmp_path: Path) -> None:
    from PIL import Image

    smooth = np.add.outer(np.arange(6) * 10, np.add.outer(np.arange(12) * 5, np.arange(16) * 3)).astype(np.uint8)

    def compress(ds: Dataset, k: int) -> None:
        file = io.BytesIO()
        Image.fromarray(smooth[k]).save(file, "JPEG", quality=95)
        ds.BitsAllocated = ds.BitsStored = 8
        ds.HighBit = 7
        ds.RescaleIntercept = "0"
        ds.PixelData = encapsulate([file.getvalue()])
        ds["PixelData"].is_undefined_length = True

    write_series(tmp_path, GRID, VALUES, change=compress, syntax=JPEGBaseline8Bit)
    assert np.abs(only(tmp_path).values - smooth.astype(int)).max() <= 6


# A 16 x 12 ramp, encoded by OpenJPH 0.26: nothing that is installed here can write this format.
HTJ2K = base64.b64decode(
    "/0//UQApQAAAAAAQAAAADAAAAAAAAAAAAAAAEAAAAAwAAAAAAAAAAAABDwEB/1AACAACAAAAC"
    "v9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAHcAAf+TwAAmZf4FB3QA"
    "AMAAEsAAEwDIAQd0AHj+Agd0AMAAE0AAEoCi+ACCdABz/jIzAMAAFRAABVAQwqACMAJ2AKSkpKTAIQG+tgDAACqgABaIRERE54Cnp8J3AEgEQRAE"
    "Qf76BCB79hCB7LoA/9k="
)


@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K_ANY])
def test_high_throughput_jpeg_2000(tmp_path: Path, syntax: str) -> None:
    ramp = (np.arange(12)[:, None] * 37 + np.arange(16)[None, :] * 11) % 4096

    def compress(ds: Dataset, k: int) -> None:
        ds.BitsStored, ds.HighBit = 16, 15
        ds.PixelData = encapsulate([HTJ2K])
        ds["PixelData"].is_undefined_length = True

    write_series(tmp_path, GRID, VALUES, change=compress, syntax=syntax)
    volume = only(tmp_path)
    assert all(np.array_equal(plane, ramp - 1024) for plane in volume.values)


def test_garbage_above_the_stored_bits_is_dropped(tmp_path: Path) -> None:
    def dirty(ds: Dataset, k: int) -> None:
        stored = np.frombuffer(ds.PixelData, "<u2")
        ds.PixelData = (stored | ((np.arange(stored.size) % 16) << 12)).astype("<u2").tobytes()

    write_series(tmp_path, GRID, VALUES, change=dirty)
    assert np.array_equal(only(tmp_path).values, VALUES)


def test_bits_stored_at_the_top_are_moved_down(tmp_path: Path) -> None:
    def shifted(ds: Dataset, k: int) -> None:
        ds.HighBit = 15
        ds.PixelData = ((np.frombuffer(ds.PixelData, "<u2") << 4) | 7).astype("<u2").tobytes()

    write_series(tmp_path, GRID, VALUES, change=shifted)
    assert np.array_equal(only(tmp_path).values, VALUES)


def test_signed_12_bits_keep_their_sign(tmp_path: Path) -> None:
    def signed(ds: Dataset, k: int) -> None:
        ds.PixelRepresentation, ds.RescaleIntercept = 1, "0"
        ds.PixelData = (VALUES[k].astype(np.uint16) & 0x0FFF).astype("<u2").tobytes()

    write_series(tmp_path, GRID, VALUES, change=signed)
    assert np.array_equal(only(tmp_path).values, VALUES)


def test_signed_16_bits(tmp_path: Path) -> None:
    def signed(ds: Dataset, k: int) -> None:
        ds.PixelRepresentation, ds.RescaleIntercept, ds.BitsStored, ds.HighBit = 1, "0", 16, 15
        ds.PixelData = VALUES[k].astype("<i2").tobytes()

    write_series(tmp_path, GRID, VALUES, change=signed)
    volume = only(tmp_path)
    assert volume.values.dtype == np.int16
    assert np.array_equal(volume.values, VALUES)


def test_eight_bits(tmp_path: Path) -> None:
    small = (VALUES[:] % 251).astype(np.uint8)

    def narrow(ds: Dataset, k: int) -> None:
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.RescaleIntercept = 8, 8, 7, "-100"
        ds.PixelData = small[k].tobytes()

    write_series(tmp_path, GRID, VALUES, change=narrow)
    assert np.array_equal(only(tmp_path).values, small.astype(int) - 100)


def test_values_beyond_int16_become_float32(tmp_path: Path) -> None:
    def wide(ds: Dataset, k: int) -> None:
        ds.BitsStored, ds.HighBit = 16, 15
        ds.PixelData = (VALUES[k].astype(np.int32) + 60000).astype("<u2").tobytes()

    write_series(tmp_path, GRID, VALUES, change=wide)
    volume = only(tmp_path)
    assert volume.values.dtype == np.float32
    assert np.array_equal(volume.values, VALUES.astype(np.float32) + 60000 - 1024)


def test_fractional_slopes_that_differ_by_slice_are_each_applied(tmp_path: Path) -> None:
    def scaled(ds: Dataset, k: int) -> None:
        ds.RescaleSlope = f"{1 + k / 8}"

    write_series(tmp_path, GRID, VALUES, change=scaled)
    volume = only(tmp_path)
    slopes = (1 + np.arange(6) / 8)[:, None, None]
    assert volume.values.dtype == np.float32
    assert np.allclose(volume.values, (VALUES + 1024.0) * slopes - 1024)
    assert "rescale-varies" in codes(volume)


def test_whole_slopes_that_differ_by_slice_stay_int16(tmp_path: Path) -> None:
    def scaled(ds: Dataset, k: int) -> None:
        ds.RescaleSlope = str(1 + k)

    write_series(tmp_path, GRID, VALUES, change=scaled)
    volume = only(tmp_path)
    assert volume.values.dtype == np.int16
    assert np.array_equal(volume.values, (VALUES + 1024) * (1 + np.arange(6))[:, None, None] - 1024)


def test_hounsfield_units_do_not_depend_on_monochrome1(tmp_path: Path) -> None:
    def inverse(ds: Dataset, k: int) -> None:
        ds.PhotometricInterpretation = "MONOCHROME1"

    write_series(tmp_path, GRID, VALUES, change=inverse)
    volume = only(tmp_path)
    assert np.array_equal(volume.values, VALUES)
    assert "monochrome1" in codes(volume)


def test_an_mr_in_monochrome1_is_inverted(tmp_path: Path) -> None:
    def inverse(ds: Dataset, k: int) -> None:
        ds.PhotometricInterpretation = "MONOCHROME1"

    write_series(tmp_path, GRID, VALUES, change=inverse, modality="MR")
    volume = only(tmp_path)
    assert np.array_equal(volume.values + 1024, 4095 - (VALUES + 1024))
    assert "monochrome1" in codes(volume)


def test_padding_outside_the_field_becomes_air_and_is_said(tmp_path: Path) -> None:
    def padded(ds: Dataset, k: int) -> None:
        ds.PixelRepresentation, ds.RescaleIntercept, ds.BitsStored, ds.HighBit = 1, "0", 16, 15
        stored = VALUES[k].astype("<i2")
        stored[0, :3] = -2000
        ds.add_new("PixelPaddingValue", "SS", -2000)
        ds.PixelData = stored.tobytes()

    write_series(tmp_path, GRID, VALUES, change=padded)
    volume = only(tmp_path)
    assert np.all(volume.values[:, 0, :3] == -1024)
    assert np.array_equal(volume.values[:, 1:], VALUES[:, 1:])
    finding = next(f for f in volume.findings if f.code == "padding-to-air")
    assert finding.numbers["pixels"] == 18


def test_padding_that_could_be_tissue_is_left_alone(tmp_path: Path) -> None:
    def padded(ds: Dataset, k: int) -> None:
        ds.add_new("PixelPaddingValue", "US", 1024 + 40)

    write_series(tmp_path, GRID, VALUES, change=padded)
    assert np.array_equal(only(tmp_path).values, VALUES)


def test_clipped_ct_is_said(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES.clip(-125, 275))
    assert "clipped-ct" in codes(only(tmp_path))


def test_unclipped_ct_is_not_called_clipped(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES)
    assert codes(only(tmp_path)) == set()


def test_the_volume_says_where_it_came_from(tmp_path: Path) -> None:
    from pydicom import dcmread

    write_series(tmp_path, GRID, VALUES, uids=UIDS)
    volume = only(tmp_path)
    source = volume.source
    assert volume.modality is Modality.CT
    assert volume.window == Window(400.0, 40.0)
    assert volume.patient.patient_id == "SECRET-ID"
    assert volume.patient.name == "Secret^Name"
    assert source.content_sha256 == content_sha256(volume.grid, volume.values)
    assert source.dicom is not None
    assert source.dicom.series_instance_uid == UIDS[1]
    assert source.dicom.frame_of_reference_uid == UIDS[2]
    header = dcmread(io.BytesIO(source.dicom.header))
    assert header.PatientID == "SECRET-ID"
    assert header.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert "PixelData" not in header
    assert header.SOPInstanceUID == source.dicom.sop_instance_uids[0]
    assert len(source.dicom.sop_instance_uids) == 6
    assert "Secret" not in repr(source.description)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_the_header_for_derived_objects_is_explicit_little_endian_whatever_the_source(
    tmp_path: Path, syntax: str
) -> None:
    from pydicom import dcmread

    write_series(tmp_path, GRID, VALUES, syntax=syntax)
    source = only(tmp_path).source.dicom
    assert source is not None
    header = dcmread(io.BytesIO(source.header))
    assert header.Rows == 12
    assert header.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_instances_are_named_in_the_order_of_the_slices(tmp_path: Path) -> None:
    uid_of_height: dict[float, str] = {}

    def note(ds: Dataset, k: int) -> None:
        uid_of_height[k] = ds.SOPInstanceUID

    write_series(tmp_path, GRID, VALUES, change=note)
    source = only(tmp_path).source.dicom
    assert source is not None
    assert source.sop_instance_uids == tuple(uid_of_height[k] for k in range(6))


def test_the_same_image_has_the_same_hash_however_it_is_compressed(tmp_path: Path) -> None:
    def compress(ds: Dataset, k: int) -> None:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(RLELossless, generate_instance_uid=False)

    write_series(tmp_path / "a", GRID, VALUES)
    write_series(tmp_path / "b", GRID, VALUES, change=compress, syntax=RLELossless)
    assert only(tmp_path / "a").source.content_sha256 == only(tmp_path / "b").source.content_sha256


def test_colour_is_refused_and_says_so(tmp_path: Path) -> None:
    def colour(ds: Dataset, k: int) -> None:
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
        ds.PixelData = ds.PixelData * 3

    write_series(tmp_path, GRID, VALUES, change=colour)
    series = scan(tmp_path).series[0]
    assert not series.is_loadable
    with pytest.raises(PixelError, match=r"colour image \(RGB\)"):
        load(series, regularise=True)


def test_loading_can_be_cancelled(tmp_path: Path) -> None:
    write_series(tmp_path, GRID, VALUES)
    series = scan(tmp_path).series[0]
    with pytest.raises(Cancelled):
        load(series, progress=Progress(is_cancelled=lambda: True))


def test_a_volume_larger_than_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from surgtwin.dicom import read_pixels

    write_series(tmp_path, GRID, VALUES)
    monkeypatch.setattr(read_pixels, "MEMORY_SHARE", 0.0)
    with pytest.raises(MemoryLimitError):
        only(tmp_path)


def test_a_file_that_vanished_after_the_scan_is_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path, GRID, VALUES)
    series = scan(tmp_path).series[0]
    paths[2].unlink()
    with pytest.raises(PixelError, match=paths[2].name):
        load(series)


def enhanced_ct(tmp_path: Path, *, order: list[int], tilt: float = 0.0) -> Path:
    """A multi-frame CT whose frames lie in the given order, with a rescale of their own each."""
    from pydicom.uid import EnhancedCTImageStorage

    ds = slice_dataset(VALUES, GRID, 0, UIDS)
    ds.SOPClassUID = EnhancedCTImageStorage
    for gone in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        delattr(ds, gone)
    ds.NumberOfFrames = len(order)
    shared, measures, plane, transformation = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [GRID.spacing[1], GRID.spacing[0]]
    measures.SliceThickness = GRID.spacing[2]
    plane.ImageOrientationPatient = [f"{c:.10f}" for c in [*GRID.direction[:, 0], *GRID.direction[:, 1]]]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [plane]
    ds.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for k in order:
        own, place, transformation = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [f"{c:.6f}" for c in GRID.to_lps([0, tilt * k, k])]
        transformation.RescaleIntercept, transformation.RescaleSlope, transformation.RescaleType = "-1024", "1", "HU"
        own.PlanePositionSequence = [place]
        own.PixelValueTransformationSequence = [transformation]
        groups.append(own)
    ds.PerFrameFunctionalGroupsSequence = groups
    ds.PixelData = b"".join((VALUES[k].astype(np.int32) + 1024).astype("<u2").tobytes() for k in order)
    return write_file(ds, tmp_path / "multi.dcm")


def test_enhanced_multi_frame_in_any_order_of_frames(tmp_path: Path) -> None:
    enhanced_ct(tmp_path, order=[3, 0, 5, 1, 4, 2])
    volume = only(tmp_path / "multi.dcm")
    assert np.array_equal(volume.values, VALUES)
    assert volume.grid.is_same_space(GRID)
    assert volume.source.dicom is not None
    assert len(volume.source.dicom.sop_instance_uids) == 1
    assert volume.source.slice_thickness_mm == pytest.approx(GRID.spacing[2])


def test_enhanced_multi_frame_with_a_rescale_of_its_own_for_each_frame(tmp_path: Path) -> None:
    from pydicom import dcmread

    order = [3, 0, 5, 1, 4, 2]
    path = enhanced_ct(tmp_path, order=order)
    ds = dcmread(path)
    for k, groups in zip(order, ds.PerFrameFunctionalGroupsSequence, strict=True):
        groups.PixelValueTransformationSequence[0].RescaleSlope = str(1 + k)
        groups.PixelValueTransformationSequence[0].RescaleIntercept = str(-1024 + k)
    write_file(ds, path)
    k = np.arange(6)[:, None, None]
    assert np.array_equal(only(path).values, (VALUES + 1024) * (1 + k) - 1024 + k)


def test_enhanced_multi_frame_in_lossless_jpeg(tmp_path: Path) -> None:
    enhanced_ct(tmp_path, order=[0, 1, 2, 3, 4, 5])  # GDCM, which compresses here, puts frames into this order
    compress_by_gdcm(tmp_path, JPEGLosslessSV1)
    assert np.array_equal(only(tmp_path).values, VALUES)


def test_enhanced_multi_frame_with_a_missing_frame_is_refused(tmp_path: Path) -> None:
    enhanced_ct(tmp_path, order=[0, 1, 2, 4, 5])
    with pytest.raises(GeometryError, match="between slices 3 and 4"):
        only(tmp_path)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_multi_frame(tmp_path: Path, syntax: str) -> None:
    path = enhanced_ct(tmp_path, order=[5, 0, 3, 1, 4, 2])
    from pydicom import dcmread

    ds = dcmread(path)
    ds.compress(syntax, generate_instance_uid=False)
    write_file(ds, path, syntax)
    assert np.array_equal(only(tmp_path).values, VALUES)


def test_one_slice_has_no_third_dimension(tmp_path: Path) -> None:
    paths = write_series(tmp_path, GRID, VALUES)
    with pytest.raises(GeometryError, match="single slice"):
        only(paths[0])


@pytest.mark.parametrize(("attribute", "code"), [("FrameOfReferenceUID", "no-frame-of-reference"),
                                                 ("PatientPosition", "no-patient-position")])  # fmt: skip
def test_attributes_that_geometry_does_not_need_may_be_missing(tmp_path: Path, attribute: str, code: str) -> None:
    write_series(tmp_path, GRID, VALUES, change=lambda ds, k: delattr(ds, attribute))
    volume = only(tmp_path)
    assert np.array_equal(volume.values, VALUES)
    assert codes(volume) == {code}


@pytest.mark.parametrize("attribute", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_attributes_that_geometry_needs_are_asked_for_by_name(tmp_path: Path, attribute: str) -> None:
    write_series(tmp_path, GRID, VALUES, change=lambda ds, k: delattr(ds, attribute))
    series = scan(tmp_path).series[0]
    assert not series.is_loadable
    with pytest.raises(GeometryError, match=attribute):
        load(series, regularise=True)


def test_jpeg_2000_reference_series_loads(real_data: Path) -> None:
    series = scan(real_data / "totalseg_reference" / "ct_jpeg2000").series[0]
    volume = load(series)
    assert volume.values.shape == (20, 512, 512)
    assert volume.grid.spacing == pytest.approx((0.9765625, 0.9765625, 2.0))
    assert volume.values.min() == -1024
    assert Grid is type(volume.grid)
