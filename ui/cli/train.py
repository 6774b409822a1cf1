"""`surgtwin train`: a network trained from a configuration, or a configuration planned from a data set."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.errors import InputError, SurgTwinError
from surgtwin.formats.names import read_names

from .console import ProgressBar, note, say, table
from .input_steps import check_output_is_free
from .usage import UsageError

if TYPE_CHECKING:
    from segmentation.training_config import TrainingConfig

_PREPARING = "preparing"
_LOSS_EVERY_S = 300.0
_MODEL_VERSION = "1.0"


def run(options: argparse.Namespace) -> int:
    try:
        return _plan(options) if options.plan is not None else _train(options)
    except SurgTwinError as error:
        if options.json:
            _line({"error": {"type": type(error).__name__, "message": str(error), "exit_code": error.exit_code}})
            options.json = False
        raise


def _plan(options: argparse.Namespace) -> int:
    if options.config or options.data or options.resume or options.weights_from or options.package:
        raise UsageError("--plan DATA -o CONFIG.json only writes a configuration; train with it afterwards.")
    check_output_is_free(options.output, force=options.force)
    from segmentation.fingerprint import open_data_set
    from segmentation.training_plan import config_text, plan_training

    names = {name: value for value, name in read_names(options.names).items()} if options.names else None
    bar = ProgressBar()
    try:
        data = open_data_set(options.plan, options.modality, names)
        config = plan_training(data, options.memory, 60 * options.hours, bar.progress())
    finally:
        bar.close()
    write_bytes_atomically(options.output, config_text(config).encode("utf-8"))
    if options.json:
        _line({"written": str(options.output), "config": json.loads(config_text(config))})
    else:
        _say_plan(config)
        say(f"\nwritten: {options.output}\ntrain it: surgtwin train {options.output} --data {data.folder} -o RUN")
    return 0


def _say_plan(config: TrainingConfig) -> None:
    print_ = config.fingerprint
    rows = [
        ["cases", f"{print_['cases']}, of which held out: {', '.join(config.validation)}"],
        ["structures", ", ".join(name for name in config.labels if config.labels[name])],
        ["median", f"{_by(print_['median_shape'])} voxels of {_by(print_['median_spacing'])} mm"],
        ["grid", f"{_by(config.spacing_mm)} mm"],
        ["patch", f"{_by(config.patch)} voxels, {config.batch_size} a step"],
        ["network", f"{len(config.features)} stages of {', '.join(str(f) for f in config.features)} features"],
    ]
    say(table(rows, ("", "(left-right x front-back x up-down)")))


def _by(numbers: Any) -> str:
    """Numbers [k, j, i] as people name them, i first."""
    return " x ".join(f"{n:.4g}" for n in reversed(tuple(numbers)))


def _train(options: argparse.Namespace) -> int:
    if options.config is None or not options.data:
        raise UsageError("Needed: surgtwin train CONFIG.json --data DIR -o RUN, or --plan DATA -o CONFIG.json.")
    if options.package is not None and options.package.exists() and not options.force:
        raise InputError(f"{options.package} exists. Give another name, or --force to replace it.")
    from segmentation.package import ModelFacts, count_cases, package_run
    from segmentation.registry import find_model
    from segmentation.train import train
    from segmentation.training_config import read_config

    config = read_config(options.config)
    weights = find_model(options.weights_from) if options.weights_from else None
    teller = _Teller(options.json)
    try:
        checkpoint = train(
            config, options.data, options.output, options.resume, weights,
            progress=teller.bar.progress(), listener=teller.tell,
        )  # fmt: skip
    finally:
        teller.bar.close()
    if options.package is not None:
        facts = ModelFacts(_MODEL_VERSION, options.licence, training_cases=count_cases(options.output))
        package_run(options.output, config, facts, options.package)
    _say_done(options, str(checkpoint))
    return 0


def _say_done(options: argparse.Namespace, checkpoint: str) -> None:
    package = None if options.package is None else str(options.package)
    if options.json:
        _line({"event": "written", "checkpoint": checkpoint, "package": package})
        return
    say(f"written: {checkpoint}")
    if package:
        say(f"written: {package}\nuse it: surgtwin build INPUT -o CASE.twin --model {package}")


class _TrainingBar(ProgressBar):
    """A bar whose time left is that of the training: preparing the cases, and what an earlier run did, don't count."""

    def __init__(self) -> None:
        super().__init__()
        self._first: tuple[float, float] | None = None

    def _report(self, fraction: float, stage: str) -> None:
        if self._first is None and not stage.startswith(_PREPARING):
            self._first = (fraction, time.monotonic())
        super()._report(fraction, stage)

    def _time_left(self, fraction: float, now: float) -> str:
        if self._first is None or fraction - self._first[0] < 1e-4 or now - self._first[1] < 1.0:
            return ""
        left = int((now - self._first[1]) * (1.0 - fraction) / (fraction - self._first[0]))
        return f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"


class _Teller:
    """Says what happens in a training: every entry as a JSON line, or the telling ones in words."""

    def __init__(self, as_json: bool) -> None:
        self.bar = _TrainingBar()
        self._as_json = as_json
        self._last_loss = time.monotonic()

    def tell(self, entry: dict[str, Any]) -> None:
        if self._as_json:
            _line(entry)
            return
        text = self._words(entry)
        if text:
            self.bar.close()
            note(text)

    def _words(self, entry: dict[str, Any]) -> str:
        event = entry.get("event")
        at = f"{entry['time']}  step {entry['iteration']}, {entry['spent']:.0%}"
        if event == "start":
            where = f"{entry['device']}, {entry['precision']}, processes: {entry['processes']}"
            board = f"\n{entry['tensorboard']}" if "tensorboard" in entry else ""
            return f"{at}: {len(entry['cases'])} cases, {len(entry['held_out'])} held out; {where}{board}"
        if event == "validation":
            dice = entry["mean_dice"]
            worst = ", ".join(f"{name} {value:.3f}" for name, value in sorted(dice.items(), key=lambda d: d[1]))
            return f"{at}: Dice {worst or '-'}"
        if event is None and time.monotonic() - self._last_loss > _LOSS_EVERY_S:
            self._last_loss = time.monotonic()
            return f"{at}: loss {entry['loss']:.3f}"
        return ""


def _line(document: dict[str, Any]) -> None:
    print(json.dumps(document), file=sys.stdout, flush=True)
