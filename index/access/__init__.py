"""Who may use a catalogue's service: keys with roles; and the answers kept for requests that are sent twice."""
