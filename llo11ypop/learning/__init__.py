"""What people's answers change: the ranking of actions, and what may one day run without asking."""
