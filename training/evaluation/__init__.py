"""The protocol's questions put to a checkpoint, and the report of the answers."""
