"""What several commands take from the command line, each checked once and in one way."""

from __future__ import annotations

import typer

from sayso_bot.domain.request import ACTION_TYPE, NAME


def action_type(text: str) -> str:
    if not ACTION_TYPE.match(text):
        raise typer.BadParameter("give one exact action type, such as payments.refund")
    return text


def agent_name(text: str) -> str:
    if not NAME.match(text):
        raise typer.BadParameter("an agent's name is 1 to 32 of the characters a to z, 0 to 9 and -")
    return text
