"""The writer: title and summary of a ticket in words, every one of which the evidence stands behind."""
