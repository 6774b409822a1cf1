from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from twin_samples import differences, sample_labels, sample_measurement, sample_twin, with_moved_liver

from surgtwin.domain.patient import Patient
from surgtwin.domain.twin import RevisionState, Side
from surgtwin.errors import DiskError, LabelError, PatientMismatchError, TwinError, TwinLockedError
from surgtwin.store.event import canonical_json
from surgtwin.store.fold import fold
from surgtwin.store.journal import read_events, read_revisions, read_state
from surgtwin.store.load import load_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter

ROOT = Path(__file__).resolve().parents[2]


def test_an_appended_revision_is_current_and_the_first_can_still_be_read(saved: Path) -> None:
    with TwinWriter(saved) as writer:
        added = writer.append(with_moved_liver(writer.twin, 3.0), "the liver moved")
        assert writer.twin is added
    now, first = load_twin(saved), load_twin(saved, revision=1)
    assert differences(added, now) == []
    assert (now.revision.number, now.revision.parent, now.revision.cause) == (2, 1, "the liver moved")
    assert first.revision.state is RevisionState.SUPERSEDED
    assert differences(sample_twin().meshes, first.meshes) == []


def test_unchanged_blobs_are_shared_between_revisions(saved: Path) -> None:
    before = verify_twin(saved).blobs
    with TwinWriter(saved) as writer:
        writer.append(with_moved_liver(writer.twin, 3.0), "moved")
    assert verify_twin(saved).blobs == before + 1


def test_equal_arrays_in_new_objects_are_shared_too(saved: Path) -> None:
    before = verify_twin(saved).blobs
    with TwinWriter(saved) as writer:
        writer.append(sample_twin(), "built again")
    assert verify_twin(saved).blobs == before


def test_a_proposed_revision_waits_until_it_is_judged(saved: Path) -> None:
    with TwinWriter(saved) as writer:
        proposed = writer.append(with_moved_liver(writer.twin, 3.0), "live", RevisionState.PROPOSED)
        assert proposed.revision.state is RevisionState.PROPOSED
        assert writer.twin.revision.number == 1
        assert load_twin(saved).revision.number == 1
        assert writer.judge(2, RevisionState.ACCEPTED).revision.number == 2
        writer.append(with_moved_liver(writer.twin, 4.0), "live", RevisionState.PROPOSED)
        assert writer.judge(3, RevisionState.REJECTED, by="Dr. B").revision.number == 2
        with pytest.raises(TwinError, match="only a proposed one"):
            writer.judge(3, RevisionState.ACCEPTED)
    states = [r.state.value for r in read_revisions(saved)]
    assert states == ["superseded", "accepted", "rejected"]


def test_going_back_deletes_nothing_and_the_next_revision_gets_a_new_number(saved: Path) -> None:
    with TwinWriter(saved) as writer:
        writer.append(with_moved_liver(writer.twin, 3.0), "moved")
        events = len(read_events(saved))
        back = writer.revert(1)
        assert back.revision.number == 1 and back.revision.state is RevisionState.ACCEPTED
        assert writer.append(with_moved_liver(back, 5.0), "again").revision.parent == 1
    assert [r.number for r in read_revisions(saved)] == [1, 2, 3]
    assert load_twin(saved, revision=2).revision.state is RevisionState.SUPERSEDED
    assert len(read_events(saved)) == events + 2


def test_side_and_measurements_belong_to_the_twin_and_survive_revisions(saved: Path) -> None:
    with TwinWriter(saved) as writer:
        stale = writer.twin
        writer.set_side(Side.LEFT)
        writer.add_measurement(sample_measurement("m2", 7.0))
        writer.remove_measurement("m1")
        added = writer.append(with_moved_liver(stale, 3.0), "from a job that began before")
        assert added.operated_side is Side.LEFT
        assert [m.measurement_id for m in added.measurements] == ["m2"]
        writer.revert(1)
    twin = load_twin(saved)
    assert twin.operated_side is Side.LEFT and [m.measurement_id for m in twin.measurements] == ["m2"]


def test_acceptance_lapses_for_what_changed_and_stays_for_what_did_not(saved: Path) -> None:
    with TwinWriter(saved) as writer:
        writer.accept("left kidney", by="Dr. A")
        moved = writer.append(with_moved_liver(writer.twin, 3.0), "moved")
        assert moved.accepted == {"left kidney"}
        relabelled = dataclasses.replace(moved, labels=sample_labels(moved.labels.grid, shift=1))
        assert writer.append(relabelled, "segmented again").accepted == {"left kidney"}
        writer.accept("liver")
        assert writer.unaccept("left kidney").accepted == {"liver"}
        with pytest.raises(LabelError):
            writer.accept("pancreas")
    assert load_twin(saved).accepted == {"liver"}
    assert load_twin(saved, revision=1).accepted == {"liver", "left kidney"}
    actors = {e.kind: e.actor for e in read_events(saved) if e.kind == "structure.accepted" and e.actor}
    assert actors == {"structure.accepted": "Dr. A"}


def test_another_patients_revision_is_refused(saved: Path) -> None:
    twin = sample_twin()
    stranger = dataclasses.replace(twin.primary, patient=Patient("PID-1", "Hospital A", "Roe", "19700101"))
    images = (dataclasses.replace(twin.images[0], volume=stranger), twin.images[1])
    with TwinWriter(saved) as writer:
        with pytest.raises(PatientMismatchError) as caught:
            writer.append(dataclasses.replace(twin, images=images), "mixed up")
        assert "Roe" not in str(caught.value) and "PID" not in str(caught.value)
        assert writer.twin.revision.number == 1
    assert len(read_revisions(saved)) == 1


def test_replaying_the_events_gives_the_same_state(saved: Path) -> None:
    with TwinWriter(saved) as writer:
        writer.append(with_moved_liver(writer.twin, 3.0), "moved")
        writer.accept("liver")
        writer.revert(1)
        live = writer.state
    events = read_events(saved)
    assert fold(events) == live == read_state(saved)
    for cut in range(1, len(events)):
        assert fold(events[cut:], fold(events[:cut])) == live


def test_events_say_who_when_and_what_in_canonical_json(saved: Path) -> None:
    with TwinWriter(saved, actor="Dr. A") as writer:
        writer.set_side(Side.LEFT)
        writer.set_side(Side.RIGHT, by="Dr. B")
    events = read_events(saved)
    assert [e.actor for e in events[-2:]] == ["Dr. A", "Dr. B"]
    assert all(e.utc.endswith("Z") and e.payload_text == canonical_json(e.payload) for e in events)
    assert events[-1].monotonic_ns > events[-2].monotonic_ns


def test_an_actor_with_a_line_break_is_refused(saved: Path) -> None:
    with TwinWriter(saved) as writer, pytest.raises(TwinError, match="one line"):
        writer.set_side(Side.LEFT, by="Dr. A\nDr. B")
    assert load_twin(saved).operated_side is Side.RIGHT


def test_threads_share_a_writer(saved: Path) -> None:
    with TwinWriter(saved) as writer:
        threads = [
            threading.Thread(target=writer.add_measurement, args=(sample_measurement(f"t{n}"),)) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(load_twin(saved).measurements) == 9
    assert verify_twin(saved).ok


def test_a_second_writer_is_told_who_has_the_twin_and_can_read_it(saved: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\n"
        "from surgtwin.domain.twin import Side\n"
        "from surgtwin.store.writer import TwinWriter\n"
        f"with TwinWriter(Path({str(saved)!r})) as writer:\n"
        "    writer.set_side(Side.LEFT)\n"
        "    print('open', flush=True); sys.stdin.readline()\n"
        "    writer.set_side(Side.BOTH)\n"
        "    print('changed', flush=True); sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(TwinLockedError, match=rf"process {other.pid} on .+ since .+read-only"), TwinWriter(saved):
            pass
        assert load_twin(saved).operated_side is Side.LEFT
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "changed\n"
        assert load_twin(saved).operated_side is Side.BOTH
        other.kill()
    assert load_twin(saved).operated_side is Side.BOTH
    with TwinWriter(saved) as writer:
        assert writer.twin.operated_side is Side.BOTH


def test_a_writer_in_the_same_program_is_a_second_writer_too(saved: Path) -> None:
    with TwinWriter(saved), pytest.raises(TwinLockedError), TwinWriter(saved):
        pass


def test_a_closed_writer_changes_nothing(saved: Path) -> None:
    with TwinWriter(saved) as writer:
        pass
    with pytest.raises(TwinError, match="closed"):
        writer.set_side(Side.LEFT)


def test_a_twin_on_a_network_share_is_read_and_saved_but_not_changed(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("writer", "reading", "save"):
        monkeypatch.setattr(f"surgtwin.store.{module}.network_file_system", lambda path: "cifs")
    with pytest.raises(DiskError, match=r"network file system \(cifs\).*Copy the folder"), TwinWriter(saved):
        pass
    assert differences(sample_twin(), load_twin(saved)) == []
    from surgtwin.store.save import save_twin

    save_twin(sample_twin(seed=3), tmp_path / "share.twin")
    save_twin(sample_twin(seed=4), tmp_path / "share.twin", overwrite=True)
    assert differences(sample_twin(seed=4), load_twin(tmp_path / "share.twin")) == []
    assert verify_twin(tmp_path / "share.twin").ok


def test_a_writer_opens_and_closes_without_a_with(saved: Path) -> None:
    writer = TwinWriter(saved).open()
    writer.set_side(Side.LEFT)
    writer.close()
    writer.close()
    assert load_twin(saved).operated_side is Side.LEFT
