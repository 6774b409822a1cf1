"""`surgtwin plan` with plans kept in a twin: what a person types, and what is there afterwards."""

from __future__ import annotations

import json
import shutil

import pytest

from surgtwin.planning.plan_file import read_plan
from surgtwin.planning.plan_versions import plan_text
from surgtwin.store.journal import read_events
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from surgtwin.store.writer import TwinWriter
from tests.planning.shapes import OBLIQUE, ball, make_twin
from ui.cli.main import main


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    twin = make_twin({"liver": ball((0, 0, 0), 30), "tumour": ball((18, 0, 0), 6)}, OBLIQUE, 36)
    path = tmp_path_factory.mktemp("origin") / "case.twin"
    save_twin(twin, path)
    return path


@pytest.fixture
def twin(origin, tmp_path):
    return shutil.copytree(origin, tmp_path / "case.twin")


@pytest.fixture
def run(capsys):
    """Runs a command; answers exit code, stdout (parsed if JSON was asked for) and stderr."""

    def call(*words):
        code = main([str(w) for w in words])
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in words else said.out, said.err

    return call


def plan_file(folder, name="wide", x=2.0, organ="liver", **more):
    surface = {"type": "plane", "point_mm": OBLIQUE.point(x, 0, 0), "normal": OBLIQUE.direction(1, 0.2, 0.1)}
    cut = {"name": "cut", "organ": organ, "targets": ["tumour"], "margin_mm": 3, "surface": surface}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"schema": 1, "resections": [cut]} | more))
    return path


@pytest.fixture
def kept(twin, tmp_path, run):
    """A twin that keeps "wide" (safe) and "through" (cuts through the tumour)."""
    run("plan", "add", twin, plan_file(tmp_path, "wide"), "--by", "Dr. A")
    run("plan", "add", twin, plan_file(tmp_path, "through", 18.0), "--by", "Dr. A")
    return twin


def test_a_plan_is_kept_once_and_a_change_of_it_is_a_new_version(twin, tmp_path, run):
    code, told, _ = run("plan", "add", twin, plan_file(tmp_path), "--by", "Dr. A", "--json")
    assert code == 0 and told["is_new"] and (told["name"], told["state"]) == ("wide", "draft")
    assert told["latest"]["by"] == "Dr. A" and told["latest"]["twin_revision"] == 1
    code, told, _ = run("plan", "add", twin, plan_file(tmp_path), "--by", "Dr. B", "--json")
    assert not told["is_new"] and told["versions"] == 1
    _, told, _ = run("plan", "add", twin, plan_file(tmp_path, x=3.0), "--json")
    assert told["is_new"] and told["versions"] == 2 and told["latest"]["parent"] == 1
    assert told["latest"]["by"]


def test_without_by_the_account_is_the_author_if_there_is_one(twin, tmp_path, run, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "surgeon7")
    assert run("plan", "add", twin, plan_file(tmp_path), "--json")[1]["latest"]["by"] == "surgeon7"

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    told = run("plan", "add", twin, plan_file(tmp_path, x=5.0), "--json")[1]
    assert told["latest"]["by"] == "unknown" and told["versions"] == 2


def test_the_name_comes_from_the_option_the_file_or_its_name(twin, tmp_path, run):
    named = plan_file(tmp_path, "a")
    content = json.loads(named.read_text()) | {"name": "Right side"}
    named.write_text(json.dumps(content))
    assert run("plan", "add", twin, named, "--json")[1]["name"] == "Right side"
    assert run("plan", "add", twin, named, "--name", "Other", "--json")[1]["name"] == "Other"
    assert run("plan", "add", twin, plan_file(tmp_path, "stem"), "--json")[1]["name"] == "stem"


def test_a_plan_for_other_structures_is_kept_with_a_warning_that_names_the_field(twin, tmp_path, run):
    code, _, error = run("plan", "add", twin, plan_file(tmp_path, organ="livr"))
    assert code == 0 and "resections[0].organ: there is no structure 'livr'" in error


def test_what_is_shown_and_exported_is_the_same_plan_to_the_last_bit(kept, tmp_path, run):
    code, shown, _ = run("plan", "show", kept, "wide", "--json")
    original, _ = read_plan(tmp_path / "wide.json")
    again = tmp_path / "again.json"
    again.write_text(json.dumps(shown))
    assert code == 0 and plan_text(read_plan(again)[0]) == plan_text(original) and shown["name"] == "wide"
    exported = tmp_path / "out.json"
    assert run("plan", "export", kept, "wide", "-o", exported)[0] == 0
    assert read_plan(exported) == (original, "wide")
    assert run("plan", "add", kept, exported, "--json")[1]["is_new"] is False
    assert run("plan", "export", kept, "wide", "-o", exported)[0] == 3
    assert run("plan", "export", kept, "wide", "-o", exported, "--force")[0] == 0


def test_a_plan_that_was_exported_from_another_twin_is_refused(kept, tmp_path, run):
    exported = tmp_path / "out.json"
    run("plan", "export", kept, "wide", "-o", exported)
    assert json.loads(exported.read_text())["twin"] == {"case_id": "case-1", "revision": 1}
    foreign = json.loads(exported.read_text()) | {"twin": {"case_id": "case-9"}}
    exported.write_text(json.dumps(foreign))
    events = len(read_events(kept))
    for command in (["add", kept, exported], ["evaluate", kept, exported], ["compare", kept, "wide", exported]):
        code, answer, _ = run("plan", *command, "--json")
        assert code == 3 and answer["error"]["type"] == "PatientMismatchError"
        assert "made on the twin case-9, this is case-1" in answer["error"]["message"]
    assert len(read_events(kept)) == events
    assert run("plan", "add", kept, exported, "--other-case", "--name", "taken over", "--json")[1]["is_new"]
    assert "twin" not in run("plan", "show", kept, "taken over", "--json")[1]


def test_an_older_version_is_shown_by_its_number(kept, tmp_path, run):
    run("plan", "add", kept, plan_file(tmp_path, "wide", 4.0))
    first = run("plan", "show", kept, "wide", "--version", "1", "--json")[1]
    latest = run("plan", "show", kept, "wide", "--json")[1]
    assert first["resections"][0]["surface"]["point_mm"] == list(OBLIQUE.point(2, 0, 0))
    assert latest["resections"][0]["surface"]["point_mm"] == list(OBLIQUE.point(4, 0, 0))
    assert "version 2: cut moved 2.0 mm" in run("plan", "history", kept, "wide")[1]
    code, answer, _ = run("plan", "show", kept, "wide", "--version", "5", "--json")
    assert code == 3 and "there are: 1, 2" in answer["error"]["message"]
    said = run("plan", "show", kept, "wide")[1]
    assert "version 2" in said and "liver by a plane, 3 mm from tumour" in said


@pytest.mark.parametrize("action", ["show", "history", "rename", "copy", "remove", "approve", "withdraw", "export"])
def test_an_unknown_plan_lists_the_known_ones(kept, tmp_path, run, action):
    more = {
        "rename": ["X"],
        "approve": ["--by", "Dr. B"],
        "withdraw": ["--by", "Dr. B"],
        "export": ["-o", tmp_path / "out.json"],
    }
    code, answer, _ = run("plan", action, kept, "nothing", *more.get(action, []), "--json")
    assert code == 3 and "there are: 'wide', 'through'" in answer["error"]["message"]


def test_a_kept_plan_is_evaluated_by_name_as_its_file_is(kept, tmp_path, run):
    by_name = run("plan", "evaluate", kept, "wide", "--json")[1]
    by_file = run("plan", "evaluate", kept, tmp_path / "wide.json", "--json")[1]
    assert (by_name.pop("plan_version"), by_name.pop("plan_status")) == (1, "draft")
    assert (by_file.pop("plan_version"), by_file.pop("plan_status")) == (None, None)
    assert by_name == by_file
    assert run("plan", "evaluate", kept, tmp_path / "wide.json", "--version", "1")[0] == 3


def test_a_name_that_is_a_file_too_is_not_guessed(kept, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("plan", "rename", kept, "wide", "wide.json")
    code, _, error = run("plan", "evaluate", kept, "wide.json")
    assert code == 3 and "both a plan in the twin and a file" in error
    assert run("plan", "evaluate", kept, "./wide.json")[0] == 0


def test_a_comparison_stars_the_better_and_says_who_is_beaten(kept, run):
    code, told, _ = run("plan", "compare", kept, "wide", "through", "--json")
    rows = {(row["key"], row["about"]): row for row in told["rows"]}
    assert code == 0 and [p["name"] for p in told["plans"]] == ["wide", "through"]
    assert rows["margin_min_mm", "tumour"]["best"] == ["wide"]
    assert rows["remnant_percent", "liver"]["best"] == ["through"]
    assert [v["verdict"] for v in rows["margin_min_mm", "tumour"]["values"]][1] == "violated"
    single = run("plan", "evaluate", kept, "wide", "--json")[1]
    assert rows["remnant_ml", "liver"]["values"][0]["value"] == single["combined"][0]["remnant_ml"]
    said = run("plan", "compare", kept, "wide", "through")[1]
    assert "least margin to tumour" in said and " *" in said and "research use only" in said


def test_a_beaten_plan_is_named(kept, tmp_path, run):
    said = run("plan", "compare", kept, "wide", plan_file(tmp_path, "deep", -15.0))[1]
    assert "beaten" not in said
    run("plan", "copy", kept, "through", "same")
    assert "beaten" not in run("plan", "compare", kept, "through", "same")[1]
    more = json.loads((tmp_path / "wide.json").read_text())
    away = {"type": "plane", "point_mm": OBLIQUE.point(-20, 0, 0), "normal": OBLIQUE.direction(-1, 0, 0)}
    more["resections"].append({"name": "cap", "organ": "liver", "surface": away})
    (tmp_path / "more.json").write_text(json.dumps(more))
    assert "'more' is beaten by 'wide'" in run("plan", "compare", kept, "wide", tmp_path / "more.json")[1]


def test_plans_to_compare_are_two_and_different(kept, tmp_path, run):
    assert run("plan", "compare", kept, "wide")[0] == 3
    assert "stands twice" in run("plan", "compare", kept, "wide", "wide")[2]
    bad = plan_file(tmp_path, "bad", organ="livr")
    assert "plan 'bad'.resections[0].organ" in run("plan", "compare", kept, "wide", bad)[2]


def test_an_approval_is_recorded_and_broken_by_an_edit(kept, tmp_path, run):
    code, told, _ = run("plan", "approve", kept, "wide", "--by", "Dr. B", "--note", "board", "--json")
    assert code == 0 and (told["by"], told["note"], told["despite"]) == ("Dr. B", "board", None)
    version = run("plan", "history", kept, "wide", "--json")[1]
    assert told["content_sha256"] == version["versions"][0]["content_sha256"]
    assert {"about": "resection cut, margins tumour", "verdict": "safe"} in told["verdicts"]
    assert "approved by Dr. B" in run("plan", "list", kept)[1]
    assert "plan wide, version 1: approved by Dr. B" in run("info", kept)[1]
    run("plan", "add", kept, plan_file(tmp_path, "wide", 4.0), "--by", "Dr. C")
    told = run("plan", "list", kept, "--json")[1]["plans"][0]
    assert told["state"] == "approval broken" and "by Dr. C (version 2)" in told["broken_by"]
    assert "approval broken by edit of" in run("plan", "evaluate", kept, "wide")[1]
    run("plan", "approve", kept, "wide", "--by", "Dr. B")
    assert run("plan", "list", kept, "--json")[1]["plans"][0]["state"] == "approved"
    assert run("plan", "withdraw", kept, "wide", "--by", "Dr. D", "--json")[1]["state"] == "draft"
    assert "withdrawn by Dr. D" in run("plan", "history", kept, "wide")[1]
    assert run("plan", "withdraw", kept, "wide", "--by", "Dr. D")[0] == 3


def test_a_new_revision_breaks_an_approval(kept, run):
    run("plan", "approve", kept, "wide", "--by", "Dr. B")
    with TwinWriter(kept) as writer:
        writer.append(writer.twin, "another scan")
    assert "approval broken by revision 2" in run("plan", "list", kept)[1]
    assert run("info", kept, "--json")[1]["plans"][0]["broken_by"] == "revision 2"
    run("plan", "approve", kept, "wide", "--by", "Dr. B")
    assert run("plan", "list", kept, "--json")[1]["plans"][0]["state"] == "approved"


def test_a_violated_plan_needs_a_reason_which_is_kept(kept, run):
    events = len(read_events(kept))
    code, answer, error = run("plan", "approve", kept, "through", "--by", "Dr. B", "--json")
    assert code == 3 and "margins tumour is violated" in answer["error"]["message"] and "cuts through" in error
    assert len(read_events(kept)) == events
    code, said, _ = run("plan", "approve", kept, "through", "--by", "Dr. B", "--despite", "palliative")
    assert code == 0 and "because: palliative" in said
    assert "approved by Dr. B despite: palliative" in run("plan", "list", kept)[1]
    assert load_twin(kept).shelf.plan("through").approvals[0].errors


def test_an_empty_plan_cannot_be_approved(twin, tmp_path, run):
    path = tmp_path / "empty.json"
    path.write_text('{"schema": 1}')
    run("plan", "add", twin, path)
    assert "holds nothing" in run("plan", "show", twin, "empty")[1]
    code, _, error = run("plan", "approve", twin, "empty", "--by", "Dr. B")
    assert code == 3 and "nothing that could be approved" in error


@pytest.mark.parametrize("by", ["", "  ", "Dr.\nB"])
def test_an_approval_without_a_person_is_a_wrong_call(kept, by):
    with pytest.raises(SystemExit) as left:
        main(["plan", "approve", str(kept), "wide", "--by", by])
    assert left.value.code == 2


def test_plans_are_renamed_copied_removed_and_brought_back(kept, run):
    assert run("plan", "copy", kept, "wide", "--json")[1]["name"] == "wide 2"
    assert run("plan", "rename", kept, "wide 2", "narrow", "--json")[1]["copied_from"] == "plan-1 version 1"
    assert run("plan", "remove", kept, "wide", "--json")[1]["is_removed"]
    assert [p["name"] for p in run("plan", "list", kept, "--json")[1]["plans"]] == ["through", "narrow"]
    code, _, error = run("plan", "show", kept, "wide")
    assert code == 3 and "was removed; restore it" in error
    assert run("plan", "list", kept, "--removed", "--json")[1]["removed"][0]["name"] == "wide"
    assert run("plan", "rename", kept, "narrow", "Wide", "--json")[0] == 0
    assert "already" in run("plan", "restore", kept, "wide")[2]
    assert run("plan", "restore", kept, "wide", "--as", "first", "--json")[1]["name"] == "first"
    assert "already" in run("plan", "rename", kept, "first", "THROUGH")[2]
    assert run("plan", "rename", kept, "first", "First")[0] == 0
    assert "3 plans in 3 versions" in run("verify", kept)[1]
    assert run("verify", kept, "--json")[1]["plans"] == 3


def test_a_twin_without_plans_says_how_to_keep_one(twin, run):
    assert "surgtwin plan add" in run("plan", "list", twin)[1]
    assert run("plan", "list", twin, "--json")[1]["plans"] == []
    assert "there is none in this twin yet" in run("plan", "show", twin, "wide")[2]
    assert "plan" not in run("verify", twin)[1]


def test_a_twin_that_another_program_writes_is_refused_and_can_be_read(kept, tmp_path, run):
    with TwinWriter(kept):
        for command in (
            ["add", kept, plan_file(tmp_path, "late")],
            ["approve", kept, "wide", "--by", "Dr. B"],
            ["remove", kept, "wide"],
        ):
            code, _, error = run("plan", *command)
            assert code == 3 and "open to write in process" in error
        assert run("plan", "list", kept)[0] == 0


def test_a_broken_plan_file_changes_nothing(kept, tmp_path, run):
    events = len(read_events(kept))
    for text in (
        "",
        "[]",
        '{"schema": 2}',
        '{"schema": 1, "resections": [{"name": "A"}]}',
        '{"schema": 1, "name": ""}',
    ):
        path = tmp_path / "broken.json"
        path.write_text(text)
        assert run("plan", "add", kept, path)[0] == 3
    assert run("plan", "add", kept, tmp_path / "missing.json")[0] == 3
    assert run("plan", "add", kept, tmp_path / "wide.json", "--name", " ")[0] == 3
    assert len(read_events(kept)) == events
