"""`surgtwin models`: models and collections that are there, adding and removing others, whether they are sound."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from surgtwin.errors import SurgTwinError

from .console import note, say, table, write_json

if TYPE_CHECKING:
    from segmentation.model_library import ModelInfo, PartInfo

EXIT_BAD = 3
_SHORT_HASH = 12


def run(options: argparse.Namespace) -> int:
    actions = {"list": _list, "add": _add, "info": _info, "remove": _remove, "verify": _verify}
    return actions[options.action](options)


def _list(options: argparse.Namespace) -> int:
    from segmentation.model_library import describe_model, model_names
    from segmentation.user_models import user_models_folder

    found, broken = [], []
    for name, origin in model_names():
        try:
            found.append(describe_model(name))
        except SurgTwinError as error:
            broken.append({"name": name, "origin": origin, "problem": str(error)})
    if options.json:
        models = [_as_json(model) for model in found]
        write_json({"folder": str(user_models_folder()), "models": models, "unusable": broken})
        return 0
    rows = [
        [m.name, m.origin, m.modality or "?", _configuration(m), _spacings(m), str(len(m.labels)), m.licence]
        for m in found
    ]
    header = ("model", "", "modality", "configuration", "spacing mm", "structures", "licence")
    say(table(rows, header, right=(5,)) if rows else "There is no model yet: surgtwin models add MODEL --name NAME")
    for row in broken:
        note(f"unusable: {row['name']}: {row['problem']}")
    return 0


def _add(options: argparse.Namespace) -> int:
    from segmentation.model_library import add_model, describe_model

    record = add_model(
        options.source,
        options.name,
        options.configuration,
        force=options.force,
        datasets=options.datasets,
        orientation=options.orientation,
    )
    model = describe_model(record.name)
    if options.json:
        write_json({**_as_json(model), "files": record.files})
        return 0
    _say_model(model)
    say(f"\nadded. Use it with: surgtwin build INPUT -o CASE.twin --model {record.name}")
    return 0


def _info(options: argparse.Namespace) -> int:
    from segmentation.model_library import describe_model

    model = describe_model(options.model)
    if options.json:
        write_json(_as_json(model))
    else:
        _say_model(model)
    return 0


def _remove(options: argparse.Namespace) -> int:
    from segmentation.model_library import forget_model

    forget_model(options.model)
    if options.json:
        write_json({"removed": options.model})
    else:
        say(f"removed: {options.model}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from segmentation.model_library import model_names, verify_model

    reports = [verify_model(name) for name in options.models or [n for n, _ in model_names()]]
    ok = all(not r.problems for r in reports)
    if options.json:
        write_json({"ok": ok, "models": [asdict(r) for r in reports]})
        return 0 if ok else EXIT_BAD
    for report in reports:
        for problem in report.problems:
            say(f"problem: {report.name}: {problem}")
        say(f"{'DAMAGED' if report.problems else 'sound'}: {report.name}  sha256 {report.sha256[:_SHORT_HASH] or '-'}")
    if not reports:
        say("There is no model to verify.")
    return 0 if ok else EXIT_BAD


def _as_json(model: ModelInfo) -> dict[str, Any]:
    return asdict(model)


def _configuration(model: ModelInfo) -> str:
    return model.parts[0].configuration if len(model.parts) == 1 else f"{len(model.parts)} parts"


def _spacing(part: PartInfo) -> str:
    return " x ".join("own" if s == 0 else f"{s:.3g}" for s in reversed(part.spacing_mm))


def _spacings(model: ModelInfo) -> str:
    return ", ".join(dict.fromkeys(_spacing(part) for part in model.parts))


def _say_model(model: ModelInfo) -> None:
    say(f"{model.name} ({model.origin})  {model.title} {model.version}".rstrip())
    rows = [["licence", model.licence], ["sha256", model.sha256]]
    if model.source:
        rows.append(["added", f"{model.added} from {model.source}"])
    if len(model.parts) == 1:
        rows[1:1] = _part_rows(model, model.parts[0])
    else:
        rows.insert(1, ["images", model.modality or "unknown modality"])
    say("\n".join(f"{key:8s} {text}" for key, text in rows))
    if len(model.parts) > 1:
        say("\n" + _parts_table(model))
    labels = [[str(n.value), n.given, n.name if n.is_known else "(not in the structure table)"] for n in model.labels]
    say("\n" + table(labels, ("label", "in the model", "structure"), right=(0,)))


def _part_rows(model: ModelInfo, part: PartInfo) -> list[list[str]]:
    turned = f"axes {part.orientation}" if part.orientation else "axes as stored"
    return [
        ["images", f"{model.modality or 'unknown modality'}, channels {', '.join(part.channels)}, {turned}"],
        ["network", f"{part.network}, {part.configuration}, {part.folds} fold(s)"],
        ["grid", f"{_spacing(part)} mm, patch {' x '.join(str(n) for n in reversed(part.patch))}"],
    ]


def _parts_table(model: ModelInfo) -> str:
    rows = [
        [
            p.name,
            p.network,
            p.configuration,
            _spacing(p),
            p.orientation or "as stored",
            str(p.structures),
            str(p.priority),
        ]
        for p in model.parts
    ]
    return table(
        rows, ("part", "network", "configuration", "spacing mm", "axes", "structures", "priority"), right=(5, 6)
    )
