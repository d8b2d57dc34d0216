"""Where agents ask: the HTTP API and what operators watch."""
