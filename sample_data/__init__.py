"""Synthetic sample data with exact ground truth; no patient data."""
