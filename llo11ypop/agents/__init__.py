"""The hierarchy of agents: director, analysts, retrievers, action agents. Each has a rule mind that needs no model."""
