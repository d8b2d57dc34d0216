"""What an agent may write to mislead: anything at all, and what some chat would obey or hide."""

from __future__ import annotations

from hypothesis import strategies as st

from sayso_bot.domain.form import KINDS, Field
from sayso_bot.domain.request import Claims

nasty = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            *(
                "<!channel>",
                "<@U1>",
                "<https://a|b>",
                "*x*\n\n`y`",
                "\u202eabc",
                "&lt;",
                "🎉" * 400,
                "\n" * 200,
                "_a_ ",
            ),
            *("<at>Ana</at>", "[a](https://evil.example)", "{{DATE(2017-02-14T06:08:39Z,SHORT)}}", "- a\n- b", "1. a"),
        ]
    ),
    st.text(alphabet='"\\<>&\n\t𝕏', min_size=200, max_size=4000),
)
value = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), nasty),
    lambda inner: st.one_of(st.lists(inner, max_size=12), st.dictionaries(nasty, inner, max_size=6)),
    max_leaves=60,
)
claims = st.builds(
    Claims,
    summary=st.none() | nasty,
    reasoning=st.none() | nasty,
    diff=st.none() | nasty,
    links=st.lists(nasty, max_size=4).map(tuple),
    metadata=st.dictionaries(nasty, nasty, max_size=3),
    on_behalf_of=st.none() | nasty,
    intent=st.none() | nasty,
)
fields = st.builds(
    Field,
    name=st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True),
    kind=st.sampled_from(KINDS),
    label=st.text(min_size=1, max_size=150),
    required=st.booleans(),
    options=st.lists(st.text(min_size=1, max_size=75), min_size=1, max_size=100, unique=True).map(tuple),
    multiple=st.booleans(),
)
