"""What a service answers, as small frozen records."""
