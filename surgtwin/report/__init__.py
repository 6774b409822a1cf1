"""What a report says, as plain blocks of text, tables and wanted pictures; how it looks is up to the user interface."""
