"""From a question to rows: the typed plan, its check against the catalog, compilation and local combination."""
