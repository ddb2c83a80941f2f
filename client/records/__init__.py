"""The answers of a service, as small frozen records."""
