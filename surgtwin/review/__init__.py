"""Review: who looked at which structure, what was said of it, and what should be looked at next. Never needs torch."""
