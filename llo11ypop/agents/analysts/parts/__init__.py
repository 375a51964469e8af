"""The parts analyst."""
