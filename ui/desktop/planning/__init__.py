"""Plan mode: cuts are laid, bent and judged here. What a plan is and what it is worth is known by `surgtwin.planning`."""
