"""A source's health is said in sentences: every fault has one, and a sound source has none but its rate."""

from __future__ import annotations

from dataclasses import replace

from surgtwin.live.health import Health
from surgtwin.live.health_words import health_sentences

SOUND = Health(60.0, 2.0, 1.0, 0.01, 1000, {})


def test_a_sound_source_has_its_rate_told_and_nothing_else() -> None:
    assert health_sentences(SOUND) == ("60 messages a second.",)


def test_every_fault_has_its_sentence() -> None:
    for change, says in (
        ({"rate_hz": 4.0}, "slow"),
        ({"jitter_ms": 30.0}, "unevenly, by 30 ms around 17 ms"),
        ({"latency_ms": 250.0}, "250 ms: what is shown is that much too old"),
        ({"clock_offset_s": -7.5}, "7.5 s behind"),
        ({"clock_offset_s": 7.5}, "7.5 s ahead"),
        ({"refused": {"wrong CRC": 3, "no pose": 1}}, "4 messages were not taken: (3 x) wrong CRC (1 x) no pose"),
        ({"rate_hz": 0.0}, "Nothing comes at the moment; 1000 messages came before"),
    ):
        told = health_sentences(replace(SOUND, **change))
        assert any(says in sentence for sentence in told), (change, told)


def test_silence_is_said() -> None:
    assert health_sentences(Health(0.0, 0.0, None, None, 0, {})) == ("Nothing has come from it.",)
