"""The process that runs the loop: composition root, schedule, drain, reload, probes."""
