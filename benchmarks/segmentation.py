"""Our segmentation engine against nnU-Net's own predictor, and its two heaviest steps against nnU-Net's way.

    python benchmarks/segmentation.py --peer PEER/bin/python [--model DIR] [--image FILE] [--crop K J I] [--repeats 3]

PEER is an environment with `nnunetv2`, which is no dependency of the project. Every run is a process of its own,
interleaved with the others; time is measured inside the process around the work alone (imports and, for a resident
engine, the model's load apart), as wall time and as processor time of all threads, which other programs disturb less;
peak memory is the growth over the process' memory before the work. Both sides do the same: a model's own rule to keep
only the largest piece of a structure, which the peer does not know, is left out; the peer makes no confidence map.
Without --model a model with random weights is made, whose labels are noise: harder for the export than any real one,
and undecided where the peer's half-precision sums round. The export is compared with the peer's on logits in full
precision, for the same reason. A GPU part runs where both sides see a CUDA device.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
OURS, TORCH, FAST, PEER = "surgtwin", "surgtwin in torch", "surgtwin --fast", "nnU-Net"
RESIDENT = "surgtwin, second case"
STRUCTURE_VOXELS = 50
"""Structures of fewer voxels in the peer's labels are too small for a Dice to say something."""
Work = Callable[[], np.ndarray]


# --- the work, each in a process of its own --------------------------------------------------------------------


def infer_ours(
    folder: Path, options: argparse.Namespace, *, fast: bool = False, resident: bool = False, backend: str = "auto"
) -> Work:
    from segmentation.infer import Engine, InferenceSettings
    from segmentation.model_folder import read_model_folder
    from segmentation.openvino_backend import openvino_version
    from segmentation.openvino_network import openvino_library

    if openvino_version() is not None:
        openvino_library()
    image, spacing = read_image(folder)
    settings = InferenceSettings(device=options.device, fast=fast, backend=backend)

    def load() -> Engine:
        return Engine(replace(read_model_folder(options.model), largest_only=()), settings)

    if not resident:
        return lambda: load().predict([image], spacing).labels
    engine = load()
    engine.predict([image], spacing)
    return lambda: engine.predict([image], spacing).labels


def infer_peer(folder: Path, options: argparse.Namespace) -> Work:
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    image, spacing = read_image(folder)

    def run() -> np.ndarray:
        predictor = nnUNetPredictor(
            tile_step_size=0.5, use_gaussian=True, use_mirroring=True, device=torch.device(options.device),
            perform_everything_on_device=options.device == "cuda", allow_tqdm=False,
        )  # fmt: skip
        predictor.initialize_from_trained_model_folder(str(options.model), None)
        values = image[None].astype(np.float32)
        return np.asarray(predictor.predict_single_npy_array(values, {"spacing": list(spacing)}))

    return run


def resample_ours(folder: Path, options: argparse.Namespace) -> Work:
    import torch

    from segmentation.resample import CUBIC, resample

    volume, shape = np.load(folder / "volume.npy"), json.loads((folder / "shape.json").read_text())
    return lambda: resample(torch.from_numpy(volume), shape, CUBIC).numpy()


def resample_peer(folder: Path, options: argparse.Namespace) -> Work:
    from skimage.transform import resize

    volume, shape = np.load(folder / "volume.npy"), json.loads((folder / "shape.json").read_text())
    return lambda: resize(volume.astype(float), shape, 3, mode="edge", anti_aliasing=False).astype(np.float32)


def export_ours(folder: Path, options: argparse.Namespace) -> Work:
    import torch

    from segmentation.plans import LabelScheme
    from segmentation.postprocess import LabelExporter
    from segmentation.sliding_window import LogitSlab

    logits, shape = np.load(folder / "logits.npy"), json.loads((folder / "export_shape.json").read_text())
    scheme = LabelScheme({f"s{n}": n for n in range(1, len(logits))}, (), len(logits))

    def run() -> np.ndarray:
        labels = np.zeros(shape, np.uint8)
        k, j, i = logits.shape[1:]
        exporter = LabelExporter(labels, (k, j, i), scheme)
        for start in range(0, k, 16):
            exporter.add(LogitSlab(start, torch.from_numpy(logits[:, start : start + 16]).float()))
        return labels

    return run


def export_peer(folder: Path, options: argparse.Namespace, *, half: bool = True) -> Work:
    from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

    logits, shape = np.load(folder / "logits.npy"), json.loads((folder / "export_shape.json").read_text())

    logits = logits if half else logits.astype(np.float32)

    def run() -> np.ndarray:
        larger = resample_data_or_seg_to_shape(logits, shape, [1.0] * 3, [0.5] * 3, is_seg=False, order=1, order_z=0)
        return larger.argmax(0).astype(np.uint8)

    return run


@dataclass(frozen=True)
class Side:
    """One way of doing one part."""

    part: str
    name: str
    prepare: Callable[[Path, argparse.Namespace], Work]
    is_peer: bool = False
    is_truth: bool = False
    """Whether results are compared with this one's; the first side of a part is what times are compared with."""


SIDES = (
    Side("inference", PEER, infer_peer, is_peer=True, is_truth=True),
    Side("inference", OURS, infer_ours),
    Side("inference", TORCH, lambda f, o: infer_ours(f, o, backend="torch")),
    Side("inference", FAST, lambda f, o: infer_ours(f, o, fast=True)),
    Side("inference", RESIDENT, lambda f, o: infer_ours(f, o, resident=True)),
    Side("resampling", "skimage", resample_peer, is_peer=True, is_truth=True),
    Side("resampling", OURS, resample_ours),
    Side("export", PEER, export_peer, is_peer=True),
    Side("export", "nnU-Net in float32", lambda f, o: export_peer(f, o, half=False), is_peer=True, is_truth=True),
    Side("export", OURS, export_ours),
)


def measure(side: Side, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Seconds and peak growth in MiB of one run in this process; the result is left as result.npy."""
    import torch

    torch.set_num_threads(options.threads)
    work = side.prepare(folder, options)
    before = memory_before()
    start, start_cpu = time.perf_counter(), time.process_time()
    result = work()
    if options.device == "cuda":
        torch.cuda.synchronize()
    wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak = memory_mib("VmHWM")
    np.save(folder / "result.npy", result)
    return {"wall_s": wall, "cpu_s": cpu, "peak_mib": max(0.0, peak - before)}


def memory_before() -> float:
    """MiB that the process holds, and its peak starts here.

    The kernel's ru_maxrss won't do: a process inherits there what its parent once held.
    """
    Path("/proc/self/clear_refs").write_text("5")
    return memory_mib("VmRSS")


def memory_mib(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name}:"))) / 1024


# --- the input -------------------------------------------------------------------------------------------------


def read_image(folder: Path) -> tuple[np.ndarray, tuple[float, float, float]]:
    k, j, i = (float(s) for s in json.loads((folder / "spacing.json").read_text()))
    return np.load(folder / "image.npy"), (k, j, i)


def write_image(folder: Path, options: argparse.Namespace) -> None:
    """The image turned as the model wants it, or smooth synthetic organs."""
    if options.image is None:
        image, spacing = synthetic_image(options.shape), (2.0, 1.0, 1.0)
    else:
        from segmentation.model_folder import read_model_folder
        from segmentation.orientation import AS_STORED, reorientation_to
        from surgtwin.formats.registry import read_volume

        volume = read_volume(options.image)
        codes = read_model_folder(options.model).orientation
        turn = reorientation_to(codes, volume.grid.direction) if codes else AS_STORED
        i, j, k = volume.grid.spacing
        image, spacing = np.ascontiguousarray(turn.apply(volume.values)), turn.apply_to_spacing((k, j, i))
    if options.crop is not None:
        starts = [max(0, (n - c) // 2) for n, c in zip(image.shape, options.crop, strict=True)]
        image = np.ascontiguousarray(image[tuple(slice(s, s + c) for s, c in zip(starts, options.crop, strict=True))])
    np.save(folder / "image.npy", image)
    (folder / "spacing.json").write_text(json.dumps(spacing))


def synthetic_image(shape: tuple[int, int, int]) -> np.ndarray:
    from scipy.ndimage import zoom

    rng = np.random.default_rng(0)
    coarse = rng.standard_normal([max(4, n // 12) for n in shape])
    smooth = zoom(coarse, [n / c for n, c in zip(shape, coarse.shape, strict=True)], order=1)
    return (150 * smooth + 10 * rng.standard_normal(shape)).clip(-300, 400).astype(np.int16)


def write_model(folder: Path, classes: int) -> Path:
    """A U-Net of the shipped models' size with random weights."""
    import torch

    from segmentation.dataset import Intensity
    from segmentation.network import PlainConvUNet, initialise_weights
    from segmentation.package import ModelFacts, write_model_folder
    from segmentation.training_config import Budget, CaseSource, TrainingConfig

    labels = {"background": 0, **{f"structure {n}": n for n in range(1, classes)}}
    config = TrainingConfig(
        name="random", modality="CT", labels=labels, sources=(CaseSource("c", "_image.nii.gz", "_labels.nii.gz"),),
        validation=(), spacing_mm=(3.0, 1.5, 1.5), patch=(48, 96, 96), features=(16, 32, 64, 128),
        kernel_sizes=((3, 3, 3),) * 4, strides=((1, 1, 1), *((2, 2, 2),) * 3), convs=2, budget=Budget(iterations=1),
    )  # fmt: skip
    torch.manual_seed(0)
    network = PlainConvUNet(config.architecture)
    initialise_weights(network)
    return write_model_folder(
        network, config, Intensity(50.0, 120.0, -300.0, 400.0, 50.0), ModelFacts("0", "none"), folder
    )


def write_micro_inputs(folder: Path, options: argparse.Namespace) -> None:
    """A volume to resample, and logits of smooth organs as half-precision numbers, as nnU-Net holds them."""
    shape = [round(n * 1.6) for n in options.shape]
    np.save(folder / "volume.npy", synthetic_image(options.shape).astype(np.float32))
    (folder / "shape.json").write_text(json.dumps(shape))
    target = options.export_shape
    source = [max(8, n // 2) for n in target]
    rng = np.random.default_rng(1)
    logits = np.zeros((options.classes, *source), np.float16)
    places = np.stack(np.meshgrid(*(np.linspace(0, 1, n) for n in source), indexing="ij"))
    for n in range(1, options.classes):
        middle, radius = rng.uniform(0.15, 0.85, (3, 1, 1, 1)), rng.uniform(0.03, 0.15)
        logits[n] = np.clip(6 * (1 - np.sqrt(((places - middle) ** 2).sum(0)) / radius), -10, 6)
    np.save(folder / "logits.npy", logits)
    (folder / "export_shape.json").write_text(json.dumps(target))


# --- the comparison --------------------------------------------------------------------------------------------


def compare(part: str, folder: Path, options: argparse.Namespace) -> None:
    """Interleaved runs of every side of a part; prints ratios to the peer and agreement with it."""
    sides = [s for s in SIDES if s.part == part]
    runs: dict[str, list[dict[str, float]]] = {s.name: [] for s in sides}
    results: dict[str, np.ndarray] = {}
    for _ in range(options.repeats):
        for side in sides:
            found = run_apart(side, folder, options)
            print(f"{part}: {side.name} {found['wall_s']:.1f} s, {found['cpu_s']:.1f} s", file=sys.stderr, flush=True)
            runs[side.name].append(found)
            results[side.name] = np.load(folder / "result.npy")
    peer, truth = sides[0].name, next(s.name for s in sides if s.is_truth)
    print(f"\n{part} on {options.device}, median of {options.repeats}")
    for side in sides:
        wall, cpu, peak = medians(runs[side.name])
        peer_wall, peer_cpu, peer_peak = medians(runs[peer])
        ratios = f"wall {wall / peer_wall:.3f}  cpu {cpu / peer_cpu:.3f}  peak {peak / max(peer_peak, 1):.2f}"
        agreement = "" if side.is_truth else agreement_of(part, results[side.name], results[truth])
        print(f"{side.name:24s} {wall:8.2f} s {cpu:8.2f} s {peak:8.0f} MiB   {ratios}   {agreement}", flush=True)


def medians(runs: list[dict[str, float]]) -> tuple[float, float, float]:
    wall, cpu, peak = (statistics.median(run[key] for run in runs) for key in ("wall_s", "cpu_s", "peak_mib"))
    return wall, cpu, peak


def run_apart(side: Side, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    python = str(options.peer) if side.is_peer else sys.executable
    command = [python, "-W", "ignore", __file__, "--run", str(SIDES.index(side)), "--folder", str(folder)]
    command += ["--model", str(options.model), "--device", options.device, "--threads", str(options.threads)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{side.part} by {side.name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def agreement_of(part: str, ours: np.ndarray, theirs: np.ndarray) -> str:
    if part == "resampling":
        return f"largest difference {np.abs(ours - theirs).max() / np.ptp(theirs):.1e} of the range"
    if part == "export":
        return f"agreement {(ours == theirs).mean():.7f}"
    dice = []
    for value in np.unique(theirs)[1:]:
        a, b = ours == value, theirs == value
        if b.sum() >= STRUCTURE_VOXELS:
            dice.append(2 * (a & b).sum() / (a.sum() + b.sum()))
    return f"Dice mean {np.mean(dice):.5f} lowest {np.min(dice):.5f} of {len(dice)}" if dice else "no structures"


def has_cuda(python: str) -> bool:
    code = "import torch; print(torch.cuda.is_available())"
    done = subprocess.run([python, "-W", "ignore", "-c", code], check=False, capture_output=True, text=True)
    return done.stdout.strip() == "True"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, help="python of an environment with nnunetv2")
    parser.add_argument("--model", type=Path, help="nnU-Net v2 model folder (default: random weights)")
    parser.add_argument("--image", type=Path, help="NIfTI, NRRD or MetaImage (default: synthetic)")
    parser.add_argument("--crop", type=int, nargs=3, metavar=("K", "J", "I"), help="the middle of the image, voxels")
    parser.add_argument("--parts", nargs="+", default=["inference", "resampling", "export"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--classes", type=int, default=25)
    parser.add_argument("--small", action="store_true", help="a trial of the benchmark itself: small volumes")
    for hidden in ("--run", "--folder", "--device"):
        parser.add_argument(hidden, default="cpu" if hidden == "--device" else None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.shape = (32, 96, 96) if options.small else (128, 256, 256)
    options.export_shape = (60, 128, 128) if options.small else (300, 512, 512)
    return options


def main() -> None:
    options = parse()
    if options.run is not None:
        print(json.dumps(measure(SIDES[int(options.run)], Path(options.folder), options)))
        return
    if options.peer is None:
        raise SystemExit("Name the peer's python with --peer.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.model is None:
            options.model = write_model(folder / "model", options.classes)
        write_image(folder, options)
        if set(options.parts) != {"inference"}:
            write_micro_inputs(folder, options)
        for part in options.parts:
            compare(part, folder, options)
        if not (has_cuda(sys.executable) and has_cuda(str(options.peer))):
            print("\nGPU: skipped, no CUDA device is seen by both sides.")
        elif "inference" in options.parts:
            options.device = "cuda"
            compare("inference", folder, options)


if __name__ == "__main__":
    # This file has the package's name: the package must be found before it.
    sys.path[:] = [str(ROOT), *(p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent)]
    main()
