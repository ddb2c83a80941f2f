"""What the service answers, one module for each kind of question."""
