"""Causes: which of several playbooks that match a place explains it."""
