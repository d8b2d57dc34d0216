"""Where people answer (slack, inbox) and where agents ask."""
