"""Where people answer (slack, teams, inbox) and where agents ask (agents); beside them, what every chat does alike."""
