"""Taking photos and labels into a catalogue from elsewhere, giving them out again, and keeping copies."""
