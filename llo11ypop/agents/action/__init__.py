"""The action agent: turns a hypothesis into a proposal that an SRE can read."""
