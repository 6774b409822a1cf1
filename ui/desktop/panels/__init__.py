"""Panels around the views: each shows a part of the state and asks for changes."""
