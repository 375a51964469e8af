"""The director: which analysts look, at what, and why."""
