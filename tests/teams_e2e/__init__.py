"""Microsoft's own emulator of Teams against a running service; `make teams-e2e`."""
