"""The report: what happened in a stretch of time, measured, said, drawn and delivered."""
