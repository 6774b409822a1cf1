"""JPEG (ITU-T T.81) frames through GDCM, which alone reads 12-bit and lossless JPEG under a free licence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeviceError, PixelError

if TYPE_CHECKING:
    from .jpeg_worker import JpegFrame


def decode_jpeg(data: bytes, frame: JpegFrame) -> bytes:
    """One JPEG frame as stored values, little endian, row by row. To be called in the worker process only.

    GDCM is called directly, because pydicom's way to it refuses 12-bit extended JPEG.

    Raises
    ------
    PixelError
        With the bare reason, if it does not decode to the size that the frame should have.
    DeviceError
        If GDCM is not installed.
    """
    try:
        import gdcm
    except ImportError as error:
        raise DeviceError("the library python-gdcm, which decodes JPEG, is missing: run the set-up again") from error
    gdcm.Trace.WarningOff()
    # GDCM keeps no reference of its own to some of these: their lifetimes end in this function.
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(data)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((frame.columns, frame.rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(frame.syntax)))
    bits = frame.bits_allocated, frame.bits_stored, frame.high_bit
    image.SetPixelFormat(gdcm.PixelFormat(1, *bits, int(frame.is_signed)))
    # GDCM hands bytes over as text.
    pixels: bytes = image.GetBuffer().encode("utf-8", "surrogateescape")
    needed = frame.rows * frame.columns * (frame.bits_allocated // 8)
    if len(pixels) != needed:
        raise PixelError(f"its compressed pixels give {len(pixels)} bytes, {needed} are needed")
    return pixels
