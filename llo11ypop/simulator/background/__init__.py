"""The fleet on a day without faults: jobs, telemetry of every dataset and the harmless noise in it."""
