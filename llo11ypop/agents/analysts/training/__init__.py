"""The training analyst."""
