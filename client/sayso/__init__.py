"""What agent authors install: ask, wait, and go on only when a person said so."""
