"""The page of a batch: a summary, then a picture and the findings of each case, worst first. No script, no names."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.domain.finding import Severity
from surgtwin.domain.verdict import Verdict

from .clean_text import visible
from .html_style import STYLE
from .paper import QUIET, RESEARCH_USE, RULE, VERDICT_INK

PAGE, PICTURE = "index.html", "picture.jpg"
POLICY = "default-src 'none'; img-src 'self' file: http: https:; style-src 'unsafe-inline'"
"""Nothing may run, whatever a text in it contains; pictures lie beside the page."""
MOST_FINDINGS = 6
_RANK = {Severity.ERROR.value: 0, Severity.WARNING.value: 1, Severity.INFO.value: 2}
_STYLE = f"""
main {{ max-width: 76rem; }}
.counts {{ display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1rem 0; }}
.counts b {{ display: block; font-size: 2em; }}
.case {{ display: grid; grid-template-columns: minmax(18rem, 1.2fr) 1fr; gap: 1rem; padding: 1rem 0;
  border-top: 1px solid {RULE}; break-inside: avoid; }}
.case h3 {{ margin: 0 0 .4rem; font-size: 1.05em; }}
.case ul {{ margin: .3rem 0; padding-left: 1.1rem; }}
.case li {{ margin: .15rem 0; overflow-wrap: anywhere; }}
.none {{ color: {QUIET}; border: 1px dashed {RULE}; display: grid; place-items: center; min-height: 6rem; }}
.bad {{ color: {VERDICT_INK[Verdict.VIOLATED]}; font-weight: 700; }}
.look {{ color: {VERDICT_INK[Verdict.UNPROVEN]}; font-weight: 700; }}
.good {{ color: {VERDICT_INK[Verdict.SAFE]}; font-weight: 700; }}
@media (max-width: 50rem) {{ .case {{ grid-template-columns: 1fr; }} }}
"""
Json = dict[str, Any]


def write_page(folder: Path, manifest: Json, records: Mapping[str, Json]) -> None:
    """Write `index.html` of a batch. Raises DiskError."""
    write_bytes_atomically(folder / PAGE, batch_page(folder, manifest, records).encode("utf-8"))


def batch_page(folder: Path, manifest: Json, records: Mapping[str, Json]) -> str:
    """The whole document.

    Parameters
    ----------
    folder
        Of the batch: a picture is shown if it is there.
    manifest, records
        As `surgtwin.pipeline.batch_store` makes them.
    """
    failures = "\n".join(_failure(f) for f in manifest["failures"])
    cases = "\n".join(_case(folder, record) for record in worst_first(records))
    title = "Batch"
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}{_STYLE}</style>\n</head>\n<body>\n"
        f"<header><div><bdi>{_text(manifest['program'])}</bdi><strong>{RESEARCH_USE}</strong></div></header>\n"
        f"<main>\n<h1>{title}</h1>\n{_counts(manifest, records)}\n"
        f'<p class="quiet">Worst first. Cases bear pseudonyms; key.json tells whose they are.</p>\n'
        f"{failures}\n{cases}\n</main>\n</body>\n</html>\n"
    )


def worst_first(records: Mapping[str, Json]) -> list[Json]:
    """Failed cases, then those with most errors, then most warnings."""

    def badness(record: Json) -> tuple[bool, int, int, str]:
        severities = [f["severity"] for f in record["findings"]]
        errors, warnings = severities.count(Severity.ERROR.value), severities.count(Severity.WARNING.value)
        return record["state"] == "done", -errors, -warnings, record["case_id"]

    return sorted(records.values(), key=badness)


def _text(text: str) -> str:
    return escape(visible(text), quote=True)


def _counts(manifest: Json, records: Mapping[str, Json]) -> str:
    counts = manifest["counts"]
    noted = sum(
        r["state"] == "done" and any(f["severity"] != Severity.INFO.value for f in r["findings"])
        for r in records.values()
    )
    told = (
        (counts["done"], "done", "good"),
        (noted, "of them to be looked at", "look"),
        (counts["failed"], "failed", "bad" if counts["failed"] else ""),
        (counts["left_out"], "inputs left out by the rules", ""),
    )
    return '<div class="counts">' + "".join(
        f'<div><b class="{tone}">{number}</b>{words}</div>' for number, words, tone in told
    ) + "</div>"  # fmt: skip


def _failure(failure: Json) -> str:
    name = failure["case_id"] or f"Input {failure['input']}"
    return (
        f'<div class="case"><div class="none">nothing was made</div><div><h3>{_text(name)}</h3>'
        f'<p><span class="bad">failed: {_text(failure["type"])}</span><br>{_text(failure["message"])}</p></div></div>'
    )


def _case(folder: Path, record: Json) -> str:
    picture = f"{record['folder']}/{PICTURE}"
    shown = '<div class="none">no picture</div>'
    if (folder / picture).is_file():
        shown = f'<img loading="lazy" alt="{_text(record["case_id"])}" src="{quote(picture)}">'
    return (
        f'<div class="case"><div>{shown}</div><div><h3>{_text(record["case_id"])} '
        f"<small>{_text(record['modality'])}</small></h3>\n{_state(record)}\n{_structures(record)}\n"
        f"{_findings(record)}</div></div>"
    )


def _state(record: Json) -> str:
    if record["state"] != "done":
        return f'<p><span class="bad">failed: {_text(record["failure"]["type"])}</span>, nothing was exported</p>'
    return f'<p><span class="good">done</span>, {len(record["files"])} files in {_text(record["folder"])}</p>'


def _structures(record: Json) -> str:
    found = [s for s in record["structures"] if s["voxels"]]
    told = ", ".join(f"{_text(s['name'])} {s['volume_ml']:.{0 if s['volume_ml'] >= 10 else 1}f}" for s in found)
    return f"<p>{told} mL</p>" if found else "<p>no structure was found</p>"


def _findings(record: Json) -> str:
    ordered = sorted(record["findings"], key=lambda f: _RANK[f["severity"]])
    rows = "".join(f"<li>{_severity(f['severity'])} {_text(f['message'])}</li>" for f in ordered[:MOST_FINDINGS])
    more = len(ordered) - MOST_FINDINGS
    left = f'<p class="quiet">and {more} more in case.json</p>' if more > 0 else ""
    return f"<ul>{rows}</ul>{left}" if ordered else ""


def _severity(severity: str) -> str:
    tone = {"error": "bad", "warning": "look"}.get(severity, "quiet")
    return f'<span class="{tone}">{escape(severity)}</span>'
