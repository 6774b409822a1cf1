"""The `surgtwin` command."""
