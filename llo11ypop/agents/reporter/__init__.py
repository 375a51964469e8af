"""The reporter: turns what was measured about a stretch of time into sentences for people."""
