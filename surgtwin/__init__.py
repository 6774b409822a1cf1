"""The twin of a patient's organs: images, labels, meshes, plans, store. No Qt, no torch, no rendering."""
