"""What a batch takes, makes and writes: a YAML file checked against the published schema; errors name the field."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from ..errors import InputError
from ..mesh.extract import MeshSettings

PROTOCOL_VERSION = 1
MAX_BYTES = 2**20
_NAME_FIELDS = frozenset({"case_id", "modality", "image"})


@dataclass(frozen=True)
class SeriesRules:
    """Which images of an input are taken.

    Parameters
    ----------
    description, not_description
        Regular expressions that must, and must not, be found in SeriesDescription or the file's name; empty: any.
    take
        "best" (ranked) or "all" of the series of one study that fit.
    files_are
        Modality of image files that do not state it; empty: their values decide.
    not_files
        Regular expression of image files' names that are no images to take, such as label maps; empty: none.
    """

    modalities: tuple[str, ...] = ("CT", "MR")
    description: str = ""
    not_description: str = ""
    min_slices: int = 8
    take: str = "best"
    regularise: bool = False
    files_are: str = ""
    not_files: str = ""


@dataclass(frozen=True)
class NetworkRules:
    """Which network runs, and how; an empty model is chosen by the image's modality."""

    model: str = ""
    structures: tuple[str, ...] = ()
    mode: str = ""
    device: str = "auto"


@dataclass(frozen=True)
class LabelRules:
    """Labels given beside the images: the image's name with `replaced` (a regular expression) replaced by `by`."""

    replaced: str
    by: str
    names: str = ""

    def path_for(self, image: Path) -> Path | None:
        """Where the labels of an image lie; None if the rule does not meet its name."""
        name, count = re.subn(self.replaced, self.by, image.name, count=1)
        return image.with_name(name) if count and Path(name).name == name and name != image.name else None


@dataclass(frozen=True)
class GateRules:
    """When a case fails although it was computed: findings that severe, or a structure that was not found."""

    fail_on: str = "error"
    require: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportRules:
    """What is written for each case."""

    surfaces: tuple[str, ...] = ("stl",)
    labels: tuple[str, ...] = (".nii.gz",)
    frame: str = "LPS"
    reports: tuple[str, ...] = ()
    picture: bool = True
    twin: bool = False


@dataclass(frozen=True)
class CaseLimits:
    """Of one case; the memory is that of the machine, shared by the workers, where none is given."""

    memory_gb: float | None = None
    minutes: float = 60.0


@dataclass(frozen=True)
class Protocol:
    """Everything that decides what a batch makes of an image.

    Parameters
    ----------
    labels
        None: the network finds the structures.
    case_name
        Template of a case's folder: {case_id}, {modality}, {image}.
    is_pseudonymous
        Whether the patient's identity is taken off every image before anything is made of it.
    """

    series: SeriesRules = field(default_factory=SeriesRules)
    network: NetworkRules = field(default_factory=NetworkRules)
    labels: LabelRules | None = None
    gates: GateRules = field(default_factory=GateRules)
    mesh: MeshSettings = field(default_factory=MeshSettings)
    export: ExportRules = field(default_factory=ExportRules)
    case_name: str = "{case_id}"
    is_pseudonymous: bool = True
    limits: CaseLimits = field(default_factory=CaseLimits)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data, in a form that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Protocol:
        """The protocol that `as_json` told."""
        labels = content["labels"]
        return cls(
            series=SeriesRules(**_tuples(content["series"])),
            network=NetworkRules(**_tuples(content["network"])),
            labels=None if labels is None else LabelRules(**labels),
            gates=GateRules(**_tuples(content["gates"])),
            mesh=MeshSettings(**content["mesh"]),
            export=ExportRules(**_tuples(content["export"])),
            case_name=content["case_name"],
            is_pseudonymous=content["is_pseudonymous"],
            limits=CaseLimits(**content["limits"]),
        )

    def sha256(self) -> str:
        """Of all that decides what an image and its labels become: not of which are taken, nor of the limits."""
        content = self.as_json()
        del content["limits"]
        content["labels"] = None if self.labels is None else "given"
        content["series"] = {key: content["series"][key] for key in ("regularise", "files_are")}
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def read_protocol(path: Path) -> Protocol:
    """The protocol of a YAML (or JSON) file.

    Raises
    ------
    InputError
        If the file is no YAML, or a field is missing, unknown or senseless; the message names the field's path.
    """
    if not path.is_file():
        raise InputError(f"There is no protocol file {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB; that is no protocol.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path.name} is not valid YAML: {_one_line(error)}") from error
    return parse_protocol(content, folder=path.resolve().parent)


def parse_protocol(content: Any, folder: Path | None = None) -> Protocol:
    """The protocol of parsed YAML. Raises InputError, its message beginning with the field's path."""
    error = best_match(schema_validator().iter_errors(content))
    if error is not None:
        raise InputError(f"{_where(error.absolute_path)}{str(error.message)[:300]}.")
    _check_patterns(content)
    labels = content.get("labels")
    if labels is not None and "find" in content:
        raise InputError("labels: with given labels no network runs; leave out 'find' or 'labels'.")
    naming = content.get("naming", {}).get("case", "{case_id}")
    _check_name(naming)
    return Protocol(
        series=SeriesRules(**_tuples(content.get("series", {}))),
        network=NetworkRules(**_tuples(content.get("find", {}))),
        labels=None if labels is None else _labels(labels, folder),
        gates=GateRules(**_tuples(content.get("gates", {}))),
        mesh=MeshSettings(**content.get("mesh", {})),
        export=ExportRules(**_tuples(content.get("export", {}))),
        case_name=naming,
        is_pseudonymous=content.get("identity", "pseudonymous") != "keep",
        limits=CaseLimits(**content.get("limits", {})),
    )


@lru_cache(maxsize=1)
def schema_validator() -> Draft202012Validator:
    """The checker of the published schema."""
    text = files(__package__).joinpath("protocol-schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


class _PlainLoader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML as JSON knows it: no aliases, which can grow a small file without bound, and no key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.YAMLError(f"'{twice[0]}' stands there twice (line {node.start_mark.line + 1})")
        return super().construct_mapping(node, deep)


def _labels(content: Mapping[str, str], folder: Path | None) -> LabelRules:
    names = content.get("names", "")
    if names:
        path = (folder or Path()) / names
        if not path.is_file():
            raise InputError(f"labels.names: there is no file {names} beside the protocol.")
        names = str(path.resolve())
    return LabelRules(content["from"], content["to"], names)


def _check_patterns(content: Mapping[str, Any]) -> None:
    series, labels = content.get("series", {}), content.get("labels", {})
    patterns = {
        f"series.{key}": series[key] for key in ("description", "not_description", "not_files") if key in series
    }
    if "from" in labels:
        patterns["labels.from"] = labels["from"]
    for path, pattern in patterns.items():
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise InputError(f"{path}: {pattern!r} is no regular expression: {error}.") from error
    if "to" in labels:
        try:
            re.sub(labels["from"], labels["to"], "")
            re.compile(labels["from"]).sub(labels["to"], labels["to"])
        except (re.error, IndexError) as error:
            raise InputError(f"labels.to: {labels['to']!r} does not go with labels.from: {error}.") from error


def _check_name(template: str) -> None:
    fields = set(re.findall(r"\{([^{}]*)\}", template))
    unknown = sorted(fields - _NAME_FIELDS)
    rest = re.sub(r"\{[^{}]*\}", "", template)
    if unknown or "{" in rest or "}" in rest or template.startswith("."):
        known = ", ".join(sorted(f"{{{name}}}" for name in _NAME_FIELDS))
        raise InputError(f"naming.case: '{template}' is no name; it may hold {known}, letters, digits, '_', '-', '.'.")


def _tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}


def _where(steps: Any) -> str:
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else (f".{step}" if path else str(step))
    return f"{path}: " if path else "protocol: "


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
