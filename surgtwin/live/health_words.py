"""A source's health in plain sentences: what is well is said in one, every fault in one of its own."""

from __future__ import annotations

from .health import Health

SLOW_HZ = 10.0
SHAKY_SHARE = 0.5
"""Jitter beyond this share of the time between messages is told."""
LONG_LATENCY_MS = 100.0
CLOCK_OFF_S = 1.0
MOST_REASONS = 3


def health_sentences(health: Health) -> tuple[str, ...]:
    """What a person should know of a source; the first sentence says how it does on the whole."""
    if health.received == 0:
        return ("Nothing has come from it.", *_refusals(health))
    if health.rate_hz == 0.0:
        return (f"Nothing comes at the moment; {health.received} messages came before.", *_refusals(health))
    told = [f"{health.rate_hz:.0f} messages a second."]
    if health.rate_hz < SLOW_HZ:
        told.append(f"That is slow: a tool is followed well from {SLOW_HZ:g} a second.")
    gap_ms = 1000.0 / health.rate_hz
    if health.jitter_ms > SHAKY_SHARE * gap_ms:
        told.append(f"They come unevenly, by {health.jitter_ms:.0f} ms around {gap_ms:.0f} ms: look at the network.")
    if health.latency_ms is not None and health.latency_ms > LONG_LATENCY_MS:
        told.append(f"They are held up on the way, by {health.latency_ms:.0f} ms: what is shown is that much too old.")
    offset = health.clock_offset_s
    if offset is not None and abs(offset) > CLOCK_OFF_S:
        way = "ahead of" if offset > 0 else "behind"
        told.append(f"Its clock is {abs(offset):.1f} s {way} this computer's; ages are of the arrival, so they hold.")
    return (*told, *_refusals(health))


def _refusals(health: Health) -> tuple[str, ...]:
    if not health.refused:
        return ()
    total = sum(health.refused.values())
    commonest = sorted(health.refused.items(), key=lambda item: -item[1])[:MOST_REASONS]
    reasons = " ".join(f"({count} x) {why}" for why, count in commonest)
    return (f"{total} messages were not taken: {reasons}",)
