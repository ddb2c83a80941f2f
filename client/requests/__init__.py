"""The requests to a service: a function describes each, and either client sends it."""
