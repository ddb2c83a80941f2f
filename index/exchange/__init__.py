"""Photos and labels in and out of a catalogue, and copies of it."""
