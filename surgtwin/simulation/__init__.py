"""What instruments do in a twin: where they pass, what they touch and what they take away."""
