"""Where telemetry lives: adapters that run plans on one engine each."""
