"""Where proposals are announced. Each channel is told through the outbox, at least once, with the proposal's id as key."""
