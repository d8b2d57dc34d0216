"""The command `sayso` with the pace of a slow channel hurried, beside a stand-in for Slack that is hurried alike.

``python -m bench.hurried serve`` for what is measured in a minute that takes nine at Slack's own pace.
"""

from __future__ import annotations

from bench.slack import SECONDS_A_MESSAGE
from sayso.cli import main
from sayso_bot.store import cards

TIMES = 10
HURRIED_SECONDS = SECONDS_A_MESSAGE / TIMES

if __name__ == "__main__":
    cards.PACE_SECONDS /= TIMES
    main()
