"""What the program talks about: frozen, checked when built, in LPS millimetres."""
