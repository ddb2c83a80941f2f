"""The commands that build, ask, exchange and guard a catalogue."""
