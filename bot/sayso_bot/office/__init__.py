"""The second main path: what admins do. Every surface hands a deed to `Office`, which alone carries it out."""

from sayso_bot.office.office import Office

__all__ = ["Office"]
