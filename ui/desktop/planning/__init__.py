"""Plan mode: cuts are laid, bent and judged here; what a plan is worth is known by `surgtwin.planning`."""
