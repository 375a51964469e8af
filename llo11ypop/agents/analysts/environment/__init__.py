"""The environment analyst."""
