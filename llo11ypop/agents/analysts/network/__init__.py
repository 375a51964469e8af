"""The network analyst."""
