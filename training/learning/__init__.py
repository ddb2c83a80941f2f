"""What a step learns with: batches, augmentation, losses, optimisers, first weights."""
