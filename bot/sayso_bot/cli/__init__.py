"""The operator's commands: parse, call, print."""
