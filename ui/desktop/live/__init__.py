"""Live mode: trackers and scanners followed on the twin, new images taken in, and the twin's history."""
