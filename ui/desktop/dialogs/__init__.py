"""Dialogs: each asks one thing, and stops nothing that runs behind it."""
