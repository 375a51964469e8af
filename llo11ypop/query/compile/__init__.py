"""From the typed plan to the text of one engine; a module per engine."""
