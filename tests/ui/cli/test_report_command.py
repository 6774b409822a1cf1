"""`surgtwin report` and `surgtwin plan evaluate -o`: whole files or none, and errors that say what to do."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from surgtwin.errors import Cancelled
from surgtwin.store.save import save_twin
from tests.planning.shapes import STRAIGHT
from tests.report.subjects import SECRETS, liver_twin
from tests.ui.report.conftest import small_pictures  # noqa: F401 - a fixture that every test here uses
from tests.ui.report.files import html_text, pdf_pages, pdf_text
from ui.cli.main import main
from ui.cli.report_arguments import REPORT_ENDINGS
from ui.report import write as writing
from ui.report.write import WRITERS


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "case.twin"
    save_twin(liver_twin(), path)
    return path


@pytest.fixture
def plan_file(tmp_path):
    def make(x: float = -2.0, name: str = "wedge", **changes):
        plane = {"type": "plane", "point_mm": STRAIGHT.point(x, 0, 0), "normal": [-1, 0, 0]}
        cut = {"name": "A", "organ": "liver", "targets": ["tumour"], "margin_mm": 5, "surface": plane}
        patient = {"height_cm": 170, "weight_kg": 70}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"schema": 1, "patient": patient, "resections": [cut]} | changes))
        return path

    return make


def run(capsys, *argv) -> SimpleNamespace:
    code = main([str(a) for a in argv])
    said = capsys.readouterr()
    return SimpleNamespace(code=code, out=said.out, err=said.err)


def test_a_pdf_of_a_plan_has_the_figures_that_the_command_prints(saved, plan_file, tmp_path, capsys) -> None:
    report = tmp_path / "right.pdf"
    done = run(capsys, "plan", "evaluate", saved, plan_file(), "--json", "-o", report)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    cut, text = told["resections"][0], pdf_text(report.read_bytes())
    assert told["report"] == str(report)
    assert f"{cut['resected_ml']:.0f} ± {cut['resected_error_ml']:.0f} mL" in text
    assert f"{cut['margins'][0]['min_mm']:.1f} ± {cut['margins'][0]['error_mm']:.1f} mm" in text
    assert cut["margins"][0]["verdict"] in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["right.pdf", "wedge.json"]


def test_report_writes_html_of_a_plan_and_says_where(saved, plan_file, tmp_path, capsys) -> None:
    report = tmp_path / "right.html"
    done = run(capsys, "report", saved, "--plan", plan_file(), "-o", report)
    assert done.code == 0, done.err
    assert str(report) in done.out
    text = html_text(report.read_text(encoding="utf-8"))
    assert "Plan wedge" in text and "from a file, not kept with the twin" in text
    assert not any(secret in report.read_text(encoding="utf-8") for secret in SECRETS)


def test_a_twins_own_report_and_identity_only_when_asked(saved, tmp_path, capsys) -> None:
    silent, named = tmp_path / "silent.pdf", tmp_path / "named.pdf"
    assert run(capsys, "report", saved, "-o", silent).code == 0
    assert run(capsys, "report", saved, "-o", named, "--with-identity").code == 0
    assert not any(
        secret.encode() in silent.read_bytes() or secret in pdf_text(silent.read_bytes()) for secret in SECRETS
    )
    assert all(secret in pdf_text(named.read_bytes()) for secret in SECRETS)


def test_a_kept_plan_is_reported_with_its_state_and_two_are_compared(saved, plan_file, tmp_path, capsys) -> None:
    assert run(capsys, "plan", "add", saved, plan_file(4.0, "wide"), "--by", "Dr. Test").code == 0
    report, both = tmp_path / "kept.html", tmp_path / "both.pdf"
    assert run(capsys, "report", saved, "--plan", "wide", "-o", report).code == 0
    assert "wide (version 1, draft)" in html_text(report.read_text(encoding="utf-8"))
    argv = ("report", saved, "--plan", "wide", "--plan", plan_file(-5.0, "narrow"), "-o", both, "--json")
    done = run(capsys, *argv)
    assert done.code == 0, done.err
    assert set(json.loads(done.out)["overall"]) == {"wide", "narrow"}
    assert "Plans compared: wide / narrow" in pdf_pages(both.read_bytes())[0]


def test_a_report_that_is_there_is_replaced_only_when_forced(saved, tmp_path, capsys) -> None:
    report = tmp_path / "case.html"
    report.write_text("mine")
    refused = run(capsys, "report", saved, "-o", report)
    assert refused.code == 3 and "--force" in refused.err
    assert report.read_text() == "mine"
    assert run(capsys, "report", saved, "-o", report, "--force").code == 0
    assert "case-42" in report.read_text(encoding="utf-8")


def test_an_unknown_ending_is_refused_with_those_there_are(saved, tmp_path, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["report", str(saved), "-o", str(tmp_path / "case.docx")])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert all(ending in said for ending in WRITERS)
    assert set(REPORT_ENDINGS) == set(WRITERS)


@pytest.mark.parametrize(
    ("content", "words"),
    [({"resections": []}, "no entries"), ({"resections": [{"name": "A"}]}, "resections[0]")],
)
def test_a_plan_that_cannot_be_reported_says_why_and_leaves_nothing(
    saved, plan_file, tmp_path, capsys, content, words
) -> None:
    done = run(capsys, "report", saved, "--plan", plan_file(**content), "-o", tmp_path / "a.pdf")
    assert done.code == 3
    assert words in done.err
    assert not (tmp_path / "a.pdf").exists()


def test_a_plan_that_is_nowhere_is_said_with_those_there_are(saved, tmp_path, capsys) -> None:
    done = run(capsys, "report", saved, "--plan", "nowhere", "-o", tmp_path / "a.pdf")
    assert done.code == 3
    assert "there is no plan 'nowhere'" in done.err


def test_cancelling_leaves_no_file_and_the_old_one_as_it_was(saved, tmp_path, capsys, monkeypatch) -> None:
    report = tmp_path / "case.pdf"
    report.write_text("mine")

    def stop(*_: object) -> None:
        raise Cancelled

    monkeypatch.setattr(writing, "draw_pictures", stop)
    assert run(capsys, "report", saved, "-o", report, "--force").code == 130
    assert report.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["case.pdf"]


def test_a_folder_that_is_not_there_is_said(saved, tmp_path, capsys) -> None:
    done = run(capsys, "report", saved, "-o", tmp_path / "missing" / "case.html")
    assert done.code == 5
    assert "case.html" in done.err
