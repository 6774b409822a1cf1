"""Files that are not DICOM. The only place where RAS exists."""
