"""`surgtwin review`: readers, work list, sign-off and statistics as a person types them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from surgtwin.settings import FOLDER_VARIABLE
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from tests.planning.shapes import OBLIQUE, ball, make_twin
from tests.ui.report.conftest import small_pictures  # noqa: F401 - a fixture
from tests.ui.report.files import html_text
from ui.cli.main import main


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "configuration"))


@pytest.fixture
def word(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_text("correct horse\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    shapes = {"liver": ball((0, 0, 0), 12), "tumour": ball((6, 0, 0), 4)}
    twin = make_twin(shapes, OBLIQUE, 18.0, with_meshes=False)
    path = tmp_path / "cases" / "one.twin"
    save_twin(replace(twin, case_id="case-1"), path)
    return path


def asked(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    assert main(["review", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_from_a_new_reader_to_a_signed_case(case, word, capsys):
    made = asked(capsys, "reader", "add", "Dr. B", "--passphrase-file", word)
    assert asked(capsys, "reader", "list")["readers"] == [made]
    (before,) = asked(capsys, "list", case.parent)["twins"]
    assert (before["state"], before["case_id"]) == ("not started", "case-1")
    sign = ("--reader", "Dr. B", "--passphrase-file", word)
    said = asked(capsys, "sign", case, "--all", "--as", "accepted", "--seconds", "30", *sign)
    assert [s["is_genuine"] for s in said["sign_offs"]] == [True, True]
    shown = asked(capsys, "show", case)
    assert {s["text"] for s in shown["structures"]} == {"accepted by Dr. B"}
    assert asked(capsys, "list", case, "--open")["twins"] == []
    assert load_twin(case).accepted == {"liver", "tumour"}


def test_a_person_reads_a_table(case, word, capsys):
    main(["review", "reader", "add", "Dr. B", "--passphrase-file", word])
    sign = ["--reader", "Dr. B", "--passphrase-file", word]
    assert main(["review", "sign", str(case), "tumour", "--as", "rejected", "--reason", "a cyst", *sign]) == 0
    assert main(["review", "show", str(case), "--history"]) == 0
    assert main(["review", "list", str(case)]) == 0
    assert main(["review", "statistics", str(case.parent)]) == 0
    told = capsys.readouterr().out
    assert "rejected by Dr. B" in told
    assert "tumour: rejected by Dr. B (a cyst)" in told
    assert "1/2" in told
    assert "Nobody has signed anything of a structure that a network found." in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["liver", "--as", "accepted", "--reader", "Dr. X"], "no reader 'Dr. X'"),
        (["--as", "accepted", "--reader", "Dr. B"], "Name the structures, or say --all"),
        (["liver", "--all", "--as", "accepted", "--reader", "Dr. B"], "Name the structures, or say --all"),
        (["liver", "--as", "rejected", "--reader", "Dr. B"], "needs a --reason"),
        (["heart", "--as", "accepted", "--reader", "Dr. B"], "no structure 'heart'"),
        (["liver", "--as", "accepted", "--reader", "Dr. B", "--seconds", "nan"], "number of seconds"),
    ],
)
def test_what_cannot_be_signed_is_explained_and_changes_nothing(case, word, capsys, arguments, said):
    main(["review", "reader", "add", "Dr. B", "--passphrase-file", word])
    assert main(["review", "sign", str(case), *arguments, "--passphrase-file", word]) == 3
    assert said in capsys.readouterr().err
    assert not load_twin(case).reviews.sign_offs


def test_a_wrong_passphrase_or_none_signs_nothing(case, word, tmp_path, capsys):
    main(["review", "reader", "add", "Dr. B", "--passphrase-file", word])
    wrong = tmp_path / "wrong"
    wrong.write_text("battery staple", encoding="utf-8")
    sign = ["review", "sign", str(case), "liver", "--as", "accepted", "--reader", "Dr. B"]
    assert main([*sign, "--passphrase-file", str(wrong)]) == 3
    assert main([*sign, "--passphrase-file", str(tmp_path / "nowhere")]) == 3
    assert main(sign) == 3
    told = capsys.readouterr().err
    for part in ("not the passphrase of Dr. B", "can't be read from", "no terminal to ask"):
        assert part in told
    assert not load_twin(case).reviews.sign_offs


def test_a_damaged_twin_gives_exit_code_4_and_the_others(case, capsys):
    broken = case.parent / "broken.twin"
    save_twin(load_twin(case), broken)
    for blob in (broken / "blobs").rglob("*"):
        if blob.is_file():
            blob.write_bytes(b"")
    assert main(["review", "list", str(case.parent), "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert [t["case_id"] for t in told["twins"]] == ["case-1"]
    assert told["unreadable"][0]["twin"].endswith("broken.twin")
    assert main(["review", "list", str(case.parent / "nothing")]) == 3


def test_statistics_give_every_line_to_a_spreadsheet(case, word, tmp_path, capsys):
    twin = load_twin(case)
    labels = replace(twin.labels, structures=tuple(replace(s, origin="network") for s in twin.structures))
    path = tmp_path / "net.twin"
    model = {"name": "net", "version": "1"}
    save_twin(replace(twin, labels=labels, provenance=replace(twin.provenance, model=model)), path)
    main(["review", "reader", "add", "Dr. B", "--passphrase-file", word])
    main(["review", "sign", str(path), "--all", "--as", "accepted", "--reader", "Dr. B", "--passphrase-file", word])
    capsys.readouterr()
    told = asked(capsys, "statistics", path, "--csv", tmp_path / "all.csv")
    assert [(g["model"], g["structure"], g["accepted"], g["mean_dice"]) for g in told["groups"]] == [
        ("net 1", "liver", 1, 1.0),
        ("net 1", "tumour", 1, 1.0),
    ]
    lines = (tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("case_id,structure,model")
    assert len(lines) == 3


def test_a_validation_report_is_written_whole(case, word, tmp_path, capsys, small_pictures):  # noqa: F811
    main(["review", "reader", "add", "Dr. B", "--passphrase-file", word])
    main(["review", "sign", str(case), "liver", "--as", "accepted", "--reader", "Dr. B", "--passphrase-file", word])
    no = ["--as", "rejected", "--reason", "a cyst", "--reader", "Dr. B", "--passphrase-file", word]
    main(["review", "sign", str(case), "tumour", *no])
    capsys.readouterr()
    pages = tmp_path / "review.html"
    told = asked(capsys, "report", case, "-o", pages)
    assert told == {"output": str(pages), "title": "Review of case-1", "state": "rejected"}
    text = html_text(pages.read_text(encoding="utf-8"))
    assert "accepted by Dr. B" in text
    assert "\N{MULTIPLICATION X} rejected tumour." in text
    assert main(["review", "report", str(case), "-o", str(pages)]) == 3
