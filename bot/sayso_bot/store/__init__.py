"""The one store: Redis, one function for each change of state."""
