"""The GPU analyst."""
