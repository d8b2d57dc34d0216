"""Other people's clients, unmodified, against the running service. `make integrations` runs it; docs/handover.md."""
