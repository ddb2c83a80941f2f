"""Long work in the background: the queue, its runner, its files and events."""
