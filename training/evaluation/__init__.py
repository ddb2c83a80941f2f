"""The protocol's queries answered by a checkpoint, and the report of the answers."""
