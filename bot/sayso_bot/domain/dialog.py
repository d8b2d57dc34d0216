"""What is asked of somebody who answers: whether a tap is enough, and the words of the questions.

The agent's own questions are always labelled as the agent's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sayso_bot.domain.card import Card
from sayso_bot.domain.files import MAX_FILE_BYTES, size_text
from sayso_bot.domain.form import Field
from sayso_bot.domain.text import one_line, visible

WHY_APPROVE = "Why do you approve it?"
WHY_DENY = "Why do you deny it?"
FILE_HINT = f"Each at most {size_text(MAX_FILE_BYTES)}"
LONGEST_NAME = 80
MOST_NAMED = 5
_NUMBER = re.compile(r"[0-9]{1,3}\Z")


def wants_dialog(card: Card, outcome: str) -> bool:
    """Whether the rule or the agent wants more of somebody than a tap."""
    if outcome == "deny":
        return card.reason != "never"
    return card.reason == "always" or bool(card.confirm or card.form)


def type_to_approve(card: Card) -> str:
    return f"Type {card.confirm} to approve"


def agent_asks(field: Field) -> str:
    """The words of a question of the agent's form."""
    return f"The agent asks · {visible(field.label).strip() or field.name}"


def option_texts(field: Field) -> list[str]:
    """Its options, each on one line that can be seen."""
    return [one_line(option) or "(empty)" for option in field.options]


def numbered(texts: Sequence[str]) -> str:
    """Options in full, for where a list cannot hold them."""
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))


def option_numbers(count: int) -> list[str]:
    """What stands in the list then."""
    return [f"Option {number}" for number in range(1, count + 1)]


def picked(field: Field, number: object) -> str:
    """The option that came back by its number; a text that is no option where there is none."""
    if isinstance(number, str) and _NUMBER.match(number) and int(number) < len(field.options):
        return field.options[int(number)]
    return f"no such option\n{number}"


def bounds(field: Field) -> str:
    """What a number must keep to, or nothing."""
    told = [f"at least {field.least:g}"] if field.least is not None else []
    told += [f"at most {field.most:g}"] if field.most is not None else []
    return ", ".join(told).capitalize()


def editor_name(param: str) -> str:
    """What stands above the input of a param, where `is_editable` lets it have one."""
    return one_line(param)[:LONGEST_NAME] or "(no name)"


def is_editable(param: str, text: str, longest: int) -> bool:
    """Whether an input of ``longest`` characters holds ``text`` as it is, with nothing in it that nobody sees."""
    return len(text) <= longest and visible(text) == text and len(one_line(param)) <= LONGEST_NAME


def wants_lines(text: str) -> bool:
    """Whether an input for it should have several lines."""
    return "\n" in text or len(text) > LONGEST_NAME


def only_in_the_inbox(params: Sequence[str]) -> str:
    """That these cannot be edited in a chat."""
    named = [f"“{one_line(param)[:LONGEST_NAME]}”" for param in params[:MOST_NAMED]]
    more = f" and {len(params) - MOST_NAMED} more" if len(params) > MOST_NAMED else ""
    return f"{', '.join(named)}{more} cannot be edited here, only in the inbox."
