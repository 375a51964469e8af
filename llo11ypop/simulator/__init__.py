"""A GPU fleet that never was: background telemetry, jobs, faults, decoys and the truth about them, from one seed."""
