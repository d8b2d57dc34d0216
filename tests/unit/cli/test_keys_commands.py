"""`sayso keys`: a secret is shown once, and a key is good until it is revoked."""

from __future__ import annotations

import pytest

from sayso_bot.cli.operator import Book
from sayso_bot.domain.key import Key, Quotas, secret_digest
from unit.cli.office import Operator


def _stored(operator: Operator) -> dict[str, Key]:
    async def read(book: Book) -> dict[str, Key]:
        return {key.id: key for key in (await book.store.configuration(None)).keys}

    return operator.on_book(read)


def test_a_key_is_an_agents_for_every_action_unless_told_otherwise(operator: Operator) -> None:
    made = operator.ok("keys", "create", "shop", "--json").json
    assert set(made) == {"id", "name", "kinds", "key"}
    key = _stored(operator)[made["id"]]
    assert (key.name, key.actions, key.quotas) == ("shop", ("*",), Quotas())
    assert key.kinds == {"agent"}
    assert key.digest == secret_digest(made["key"])


def test_the_secret_is_printed_once_and_kept_nowhere(operator: Operator) -> None:
    ended = operator.ok("keys", "create", "shop")
    fields = dict(line.split(maxsplit=1) for line in ended.out.splitlines())
    secret = fields["key"]
    assert list(fields) == ["id", "name", "kinds", "key"]
    assert secret.startswith("sk_b-")
    assert ended.out.count(secret) == 1
    assert secret not in ended.err
    assert "export SAYSO_URL=http://127.0.0.1:8080 SAYSO_KEY=" in ended.err
    for listed in (operator.ok("keys", "list"), operator.ok("keys", "list", "--json")):
        assert secret not in listed.out + listed.err
        assert secret_digest(secret) not in listed.out
    assert secret not in str(operator.journal())


def test_a_key_carries_what_it_was_given(operator: Operator) -> None:
    options = "--kind executor --kind agent --actions pay.* --actions deploy --rate 0.5/s --pending 3 --held 2"
    made = operator.ok("keys", "create", "shop", *options.split(), "--principal", "Ana@Example.com", "--json").json
    key = _stored(operator)[made["id"]]
    assert made["kinds"] == ["agent", "executor"]
    assert key.kinds == {"agent", "executor"}
    assert key.actions == ("pay.*", "deploy")
    assert (key.quotas.rate, key.quotas.burst, key.quotas.pending, key.quotas.held) == (0.5, 3, 3, 2)
    assert key.principal == "ana@example.com"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Shop"], "a to z, 0 to 9"),
        (["a" * 33], "a to z, 0 to 9"),
        (["shop", "--kind", "agent", "--kind", "admin"], "no key that submits can administer"),
        (["shop", "--kind", "approver"], "approver"),
        (["shop", "--actions", "pay ments"], "payments.refund or payments.*"),
        (["shop", "--rate", "20"], "write it as 20/s"),
        (["shop", "--rate", "0/s"], "write it as 20/s"),
        (["shop", "--rate", "99999/s"], "at most 10000/s"),
        (["shop", "--pending", "0"], "greater than or equal to 1"),
        (["shop", "--principal", "ana"], "an e-mail address"),
    ],
)
def test_what_no_key_can_be_makes_none(operator: Operator, arguments: list[str], said: str) -> None:
    ended = operator.run("keys", "create", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert _stored(operator) == {}


def test_a_revoked_key_stays_on_the_list_and_revoking_it_again_changes_nothing(operator: Operator) -> None:
    key_id = operator.ok("keys", "create", "shop", "--json").json["id"]
    assert operator.ok("keys", "revoke", key_id).out == f"Revoked {key_id} of shop.\n"
    revoked_at = _stored(operator)[key_id].revoked_at
    assert revoked_at is not None
    again = operator.ok("keys", "revoke", key_id)
    assert "Nothing was changed" in again.out
    assert _stored(operator)[key_id].revoked_at == revoked_at
    assert operator.ok("keys", "list", "--json").json[0]["revoked_at"] is not None
    assert "revoked 20" in operator.ok("keys", "list").out
    assert [entry["kind"] for entry in operator.journal()] == ["key_created", "key_revoked"]


def test_an_unknown_key_is_said_to_be_unknown(operator: Operator) -> None:
    ended = operator.run("keys", "revoke", "key_0000000000000000")
    assert (ended.code, ended.out) == (1, "")
    assert "Nothing was changed" in ended.err


def test_a_book_without_keys_says_how_to_make_one(operator: Operator) -> None:
    ended = operator.ok("keys", "list")
    assert (ended.out, ended.err) == ("", "There are no keys. Make one with: sayso keys create NAME\n")
    assert operator.ok("keys", "list", "--json").json == []


def test_valid_keys_stand_before_revoked_ones(operator: Operator) -> None:
    first = operator.ok("keys", "create", "aaa", "--json").json["id"]
    second = operator.ok("keys", "create", "bbb", "--json").json["id"]
    operator.ok("keys", "revoke", first)
    assert [key["id"] for key in operator.ok("keys", "list", "--json").json] == [second, first]
