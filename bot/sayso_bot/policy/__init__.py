"""From YAML to a policy that judges: documents with line and column, and conditions in CEL."""

from sayso_bot.policy.document import built_in, digest, load
from sayso_bot.policy.engine import Explanation, LoadedPolicy, RuleView, Step
from sayso_bot.policy.places import Unacceptable, address
from sayso_bot.policy.problems import PolicyInvalid, Problem
from sayso_bot.policy.source import read

__all__ = [
    "Explanation",
    "LoadedPolicy",
    "PolicyInvalid",
    "Problem",
    "RuleView",
    "Step",
    "Unacceptable",
    "address",
    "built_in",
    "digest",
    "load",
    "read",
]
