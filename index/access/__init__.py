"""Who may use a catalogue: API keys with roles, and answers kept for repeated requests."""
