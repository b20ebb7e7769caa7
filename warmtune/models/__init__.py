"""Models that answer: the base model, the in-process engine, its provider for Inspect, and a client for services."""
