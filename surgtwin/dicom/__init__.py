"""DICOM: from a folder to a checked series to a Volume, and back to DICOM objects."""
