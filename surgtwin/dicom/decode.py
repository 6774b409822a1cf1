"""Compressed frames to pixels, each transfer syntax by one chosen decoder; a failure is never retried with another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DeviceError, PixelError
from .codestream import check_codestream
from .jpeg_decoder import JpegDecoders
from .pixel_layout import PixelLayout
from .quiet import quiet_pydicom

_GDCM, _JPEGLS, _OPENJPEG, _RLE = "gdcm", "pyjpegls", "pylibjpeg", "pylibjpeg"
DECODERS = {
    "1.2.840.10008.1.2.4.50": _GDCM,  # JPEG baseline, 8 bit
    "1.2.840.10008.1.2.4.51": _GDCM,  # JPEG extended, 12 bit
    "1.2.840.10008.1.2.4.57": _GDCM,  # JPEG lossless
    "1.2.840.10008.1.2.4.70": _GDCM,  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": _JPEGLS,
    "1.2.840.10008.1.2.4.81": _JPEGLS,  # near lossless
    "1.2.840.10008.1.2.4.90": _OPENJPEG,  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91": _OPENJPEG,
    "1.2.840.10008.1.2.4.201": _OPENJPEG,  # HTJ2K lossless
    "1.2.840.10008.1.2.4.202": _OPENJPEG,
    "1.2.840.10008.1.2.4.203": _OPENJPEG,
    "1.2.840.10008.1.2.5": "pydicom",  # RLE
}
_UNDECODABLE = (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError, OSError,
                NotImplementedError, ArithmeticError, MemoryError)  # fmt: skip
"""What decoders raise on damaged data is not specified, and differs between their versions."""
RLE = "1.2.840.10008.1.2.5"


def decode_frame(data: bytes, layout: PixelLayout, jpeg: JpegDecoders) -> NDArray[Any]:
    """One compressed frame as stored values [j, i].

    Raises
    ------
    PixelError
        With the bare reason, if it is damaged, not what the header says, or of a transfer syntax that is not read.
    DeviceError
        If the decoder's library is not installed.
    """
    plugin = DECODERS.get(layout.syntax)
    if plugin is None:
        raise PixelError(f"its transfer syntax {layout.syntax} is not supported; export it uncompressed")
    check_codestream(data, layout)
    if plugin == _GDCM:
        return jpeg.decode(data, layout)
    return _decode(data, layout, plugin)


def _decode(data: bytes, layout: PixelLayout, plugin: str) -> NDArray[Any]:
    try:
        with quiet_pydicom():
            pixels = _by_pydicom(data, layout, plugin)
    except _UNDECODABLE as error:
        raise PixelError(f"its compressed pixels cannot be decoded ({type(error).__name__})") from error
    if pixels.shape != (layout.rows, layout.columns):
        raise PixelError(f"its compressed pixels decode to {pixels.shape}, not {(layout.rows, layout.columns)}")
    return np.ascontiguousarray(pixels)


def _by_pydicom(data: bytes, layout: PixelLayout, plugin: str) -> NDArray[Any]:
    from pydicom.encaps import encapsulate
    from pydicom.pixels import get_decoder

    decoder = get_decoder(layout.syntax)
    if plugin not in decoder.available_plugins:
        raise DeviceError(f"The library behind pydicom's decoder '{plugin}' is missing. Run the set-up again.")
    pixels, _ = decoder.as_array(
        encapsulate([data], has_bot=False),
        index=0,
        decoding_plugin=plugin,
        rows=layout.rows,
        columns=layout.columns,
        number_of_frames=1,
        samples_per_pixel=1,
        bits_allocated=layout.bits_allocated,
        bits_stored=layout.bits_stored,
        pixel_representation=int(layout.is_signed),
        photometric_interpretation="MONOCHROME2",
        pixel_keyword="PixelData",
    )
    return np.asarray(pixels)
