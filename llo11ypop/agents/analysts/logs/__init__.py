"""The log analyst."""
