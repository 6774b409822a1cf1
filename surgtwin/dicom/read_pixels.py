"""The pixels of a stack, read in threads straight into one array."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..domain.content_hash import slice_digest
from ..domain.volume import Modality
from ..errors import DicomError, MemoryLimitError, PixelError
from ..progress import Progress
from .decode import RLE, decode_frame
from .file_ref import Sources, inflating, read_exactly, skip
from .fragments import split_frames
from .frame import Frame, Instance
from .jpeg_decoder import JpegDecoders
from .limits import COMPRESSED_SLACK_BYTES, MAX_COMPRESSED_RATIO, MEMORY_SHARE
from .stored_values import DoesNotFitError, SliceFacts, clean_bits, fill_slice, invert, rescales_to_whole, stored_dtype

_BATCH = 16
"""Frames of one file that one thread reads in a row."""
_TURN = 4
"""Batches that a thread takes at once."""
_MOST_THREADS = 8


@dataclass(frozen=True, eq=False)
class Pixels:
    """The values of a stack.

    Parameters
    ----------
    values
        [k, j, i] int16 or float32, in the order of the frames given.
    digests
        Of each slice, for the content hash.
    """

    values: NDArray[Any]
    facts: tuple[SliceFacts, ...]
    digests: tuple[bytes, ...]


@dataclass(frozen=True, eq=False)
class _Inputs:
    """What the reading threads share."""

    sources: Sources
    jpeg: JpegDecoders


def read_pixels(frames: Sequence[Frame], modality: Modality, progress: Progress) -> Pixels:
    """Read, decode and rescale the frames of one stack, all of one size.

    int16 where every value is whole and fits, else float32.

    Raises
    ------
    PixelError
        Naming the file, if pixels are missing, cut short or undecodable.
    MemoryLimitError
        If the volume is larger than the memory that is free.
    """
    layout = frames[0].instance.layout
    shape = (len(frames), layout.rows, layout.columns)
    if all(map(rescales_to_whole, frames)):
        try:
            return _read_as(np.int16, frames, shape, modality, progress)
        except DoesNotFitError:
            pass
    return _read_as(np.float32, frames, shape, modality, progress)


def _read_as(
    dtype: type, frames: Sequence[Frame], shape: tuple[int, int, int], modality: Modality, progress: Progress
) -> Pixels:
    _check_memory(int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize)
    values: NDArray[Any] = np.empty(shape, dtype=dtype)
    facts: list[SliceFacts] = [SliceFacts(0.0, 0)] * len(frames)
    digests = [b""] * len(frames)

    def read(batches: list[list[int]]) -> int:
        for batch in batches:
            found = _read_batch(batch, frames, values, modality, inputs)
            for k, (plane_facts, digest) in zip(batch, found, strict=True):
                progress.check()
                facts[k], digests[k] = plane_facts, digest
        return sum(map(len, batches))

    with Sources() as sources, JpegDecoders() as jpeg:
        inputs = _Inputs(sources, jpeg)
        _run_all(read, _batches(frames), len(frames), progress)
    return Pixels(values, tuple(facts), tuple(digests))


def _check_memory(needed: int) -> None:
    import psutil

    free = int(psutil.virtual_memory().available * MEMORY_SHARE)
    if needed > free:
        raise MemoryLimitError(
            f"The volume needs {needed / 2**30:.1f} GiB of memory, but {free / 2**30:.1f} GiB are free. "
            "Close other programs, or load a part of the series."
        )


def _run_all(read: Callable[[list[list[int]]], int], batches: list[list[int]], total: int, progress: Progress) -> None:
    """Run every batch in threads; the first failure stops the rest and is raised."""
    done = 0
    with ThreadPoolExecutor(min(_MOST_THREADS, 2 * (os.cpu_count() or 1))) as pool:
        turns = [batches[n : n + _TURN] for n in range(0, len(batches), _TURN)]
        futures: list[Future[int]] = [pool.submit(read, turn) for turn in turns]
        try:
            for future in as_completed(futures):
                done += future.result()
                progress.update(done / total, "Reading slices")
        finally:
            for future in futures:
                future.cancel()
            wait(futures, return_when=FIRST_EXCEPTION)


def _batches(frames: Sequence[Frame]) -> list[list[int]]:
    """Indices into `frames`, grouped by file and in the order of the file.

    Files that can only be read forwards (deflated, in a zip) and compressed ones are read once, in one batch.
    """
    by_instance: dict[int, list[int]] = {}
    for k, frame in enumerate(frames):
        by_instance.setdefault(id(frame.instance), []).append(k)
    batches = []
    for members in by_instance.values():
        members.sort(key=lambda k: frames[k].index)
        instance = frames[members[0]].instance
        size = _BATCH if _is_seekable(instance) and instance.layout.is_native else len(members)
        batches += [members[n : n + size] for n in range(0, len(members), size)]
    return batches


def _is_seekable(instance: Instance) -> bool:
    return instance.ref.member is None and not instance.header.is_deflated


def _read_batch(
    batch: list[int], frames: Sequence[Frame], values: NDArray[Any], modality: Modality, inputs: _Inputs
) -> Iterator[tuple[SliceFacts, bytes]]:
    instance = frames[batch[0]].instance
    try:
        with _open_pixels(instance, frames[batch[0]].index, inputs.sources) as stream:
            wanted = [(frames[k], values[k]) for k in batch]
            if instance.layout.is_native:
                planes = _native(stream, wanted, instance)
            else:
                planes = _compressed(stream, wanted, instance, inputs.jpeg)
            for (frame, plane), stored in zip(wanted, planes, strict=True):
                if frame.instance.layout.photometric == "MONOCHROME1" and modality is not Modality.CT:
                    invert(stored, instance.layout)
                facts = fill_slice(stored, frame, modality, plane)
                yield facts, slice_digest(plane)
    except DicomError as error:
        raise PixelError(f"{instance.ref.name} cannot be read: {error}. Export the series again.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PixelError(f"{instance.ref.name} cannot be read ({reason}). Check the disk or copy it again.") from error


def _open_pixels(instance: Instance, first_frame: int, sources: Sources) -> BinaryIO:
    """The file, positioned at the given frame of its pixel data (at the first item, if compressed)."""
    stream = sources.open(instance.ref)
    layout = instance.layout
    offset = layout.place.offset + (first_frame * layout.frame_bytes if layout.is_native else 0)
    if _is_seekable(instance):
        stream.seek(offset)
        return stream
    if instance.header.is_deflated:
        if not skip(stream, instance.header.data_start):
            raise DicomError("it is cut short")
        stream = inflating(stream)
    if not skip(stream, offset):
        raise DicomError("it is cut short")
    return stream


def _native(
    stream: BinaryIO, wanted: Sequence[tuple[Frame, NDArray[Any]]], instance: Instance
) -> Iterator[NDArray[Any]]:
    """Stored values of uncompressed frames; 16-bit ones are read into the volume itself."""
    layout = instance.layout
    dtype = stored_dtype(layout)
    at = wanted[0][0].index
    for frame, plane in wanted:
        if not skip(stream, (frame.index - at) * layout.frame_bytes):
            raise DicomError("it is cut short")
        at = frame.index + 1
        is_direct = plane.dtype.itemsize == dtype.itemsize and plane.dtype.kind == "i"
        raw: NDArray[Any] = plane if is_direct else np.empty(plane.shape, dtype)
        got = read_exactly(stream, raw.view(np.uint8).data.cast("B"))
        if got != layout.frame_bytes:
            raise DicomError(f"it is cut short: {got} bytes of a frame are there, {layout.frame_bytes} are needed")
        stored = raw.view(dtype.newbyteorder("="))
        if layout.is_big_endian:
            _swap(raw, layout.place.vr)
        clean_bits(stored, layout)
        yield stored


def _swap(raw: NDArray[Any], vr: bytes) -> None:
    """Big-endian words to the machine's order, in place; 8-bit pixels are swapped too when written as words (OW)."""
    if raw.dtype.itemsize == 1:
        if vr == b"OW" and raw.size % 2 == 0:
            raw.reshape(-1).view(np.uint16).byteswap(inplace=True)
        return
    raw.byteswap(inplace=True)


def _compressed(
    stream: BinaryIO, wanted: Sequence[tuple[Frame, NDArray[Any]]], instance: Instance, jpeg: JpegDecoders
) -> Iterator[NDArray[Any]]:
    layout = instance.layout
    most = MAX_COMPRESSED_RATIO * layout.frame_bytes * layout.frames + COMPRESSED_SLACK_BYTES
    data = _read_at_most(stream, most)
    found = split_frames(data, layout.frames)
    for frame, _ in wanted:
        stored = decode_frame(found[frame.index], layout, jpeg)
        stored = stored if stored.flags.writeable else stored.copy()
        if layout.syntax == RLE:
            clean_bits(stored, layout)
        yield stored


def _read_at_most(stream: BinaryIO, most: int) -> bytes:
    parts = []
    size = 0
    while size <= most and (part := stream.read(min(2**20, most + 1 - size))):
        parts.append(part)
        size += len(part)
    if size > most:
        raise DicomError("its compressed pixel data are larger than the image can be")
    return b"".join(parts)
