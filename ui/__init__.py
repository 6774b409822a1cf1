"""What a person or a script touches."""
