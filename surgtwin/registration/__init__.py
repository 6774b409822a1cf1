"""How one image of the patient lies on another: rigid motion, deformation, quality."""
