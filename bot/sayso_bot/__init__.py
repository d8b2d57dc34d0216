"""Sayso's service: the gate between AI agents and consequences."""
