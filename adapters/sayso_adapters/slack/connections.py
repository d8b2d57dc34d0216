"""One workspace by a token from the environment, or many that install the app: which it is, the settings say."""

from __future__ import annotations

from sayso_adapters.slack.departures import Departures
from sayso_adapters.slack.install import Install
from sayso_adapters.slack.installations import Installations
from sayso_adapters.slack.links import INSTALL_PATH
from sayso_adapters.slack.manifest import BOT_SCOPES, REDIRECT_PATH
from sayso_adapters.slack.many import ManyWorkspaces
from sayso_adapters.slack.oauth import OAuth
from sayso_adapters.slack.settings import SlackSettings
from sayso_adapters.slack.workspaces import OneWorkspace, Workspaces
from sayso_bot.ports import AdapterContext


def connections(settings: SlackSettings, context: AdapterContext) -> tuple[Workspaces, Departures]:
    """The workspaces, and who hears that one leaves. Where they install the app, the routes for that are mounted."""
    if not settings.many_workspaces:
        return OneWorkspace(settings, context), Departures(context, None)
    installations = Installations(context.shelf)
    redirect_uri = f"{context.public_url.rstrip('/')}{REDIRECT_PATH}"
    oauth = OAuth(settings, redirect_uri, BOT_SCOPES, installations.now)
    install = Install(context, oauth, installations)
    context.mount("GET", INSTALL_PATH, install.begin)
    context.mount("GET", REDIRECT_PATH, install.finish)
    return ManyWorkspaces(settings, context, installations, oauth.refreshed), Departures(context, installations)
