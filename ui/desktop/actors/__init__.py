"""What is drawn in 3D: one file per kind of thing, joined to the domain's types by one table, `registry.py`."""
