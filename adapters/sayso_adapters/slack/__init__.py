"""Slack: cards in channels, taps on buttons."""
