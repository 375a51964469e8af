"""The Slurm analyst."""
