"""What arrives while the patient is on the table, and how the twin takes it in."""
