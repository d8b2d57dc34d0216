"""From YAML to a policy that judges: documents with line and column, and conditions in CEL."""

from sayso_bot.domain.policy import Explanation, Step
from sayso_bot.policy.cases import Outcome, cases_of, run, told
from sayso_bot.policy.cases import beside as cases_beside
from sayso_bot.policy.document import built_in, digest, load
from sayso_bot.policy.documents import Documents
from sayso_bot.policy.engine import LoadedPolicy, RuleView
from sayso_bot.policy.live import LiveFindings, look
from sayso_bot.policy.places import Unacceptable, address
from sayso_bot.policy.problems import PolicyInvalid, Problem
from sayso_bot.policy.schema import case_schema, schema
from sayso_bot.policy.source import read
from sayso_bot.policy.versions import PolicyVersions, is_reference

__all__ = [
    "Documents",
    "Explanation",
    "LiveFindings",
    "LoadedPolicy",
    "Outcome",
    "PolicyInvalid",
    "PolicyVersions",
    "Problem",
    "RuleView",
    "Step",
    "Unacceptable",
    "address",
    "built_in",
    "case_schema",
    "cases_beside",
    "cases_of",
    "digest",
    "is_reference",
    "load",
    "look",
    "read",
    "run",
    "schema",
    "told",
]
