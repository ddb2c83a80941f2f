"""What answers: checkpoint and gallery in memory, batches, inference, scopes."""
