"""What a service holds of a catalogue, in a file beside it that the next start maps to memory."""
