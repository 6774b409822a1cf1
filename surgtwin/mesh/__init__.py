"""Surfaces from label maps: extraction, repair, decimation, figures."""
