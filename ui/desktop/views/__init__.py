"""The views in the middle of the window: slices, 3D, and how they are laid out."""
