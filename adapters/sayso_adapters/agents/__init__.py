"""Other ways in for agents: each translates another API to ours, and decides nothing."""
