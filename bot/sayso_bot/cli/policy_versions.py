"""``sayso policy list|show|diff|activate|rollback``: what was in force, what changed, and what is put in force now."""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from sayso_bot.cli.operator import Book, shell_user, with_book
from sayso_bot.cli.policy_words import (
    BUILT_IN,
    comparison_out,
    print_comparison,
    print_problems,
    print_versions,
    print_weakened,
    say_problems,
    version_out,
)
from sayso_bot.cli.printing import AsJson, print_json, say
from sayso_bot.domain.text import one_line
from sayso_bot.domain.versions import MAX_COMMENT, Activated, Comparison, Found, Origin, VersionPage
from sayso_bot.errors import ChangedMeanwhile, NotFound
from sayso_bot.policy import Documents, LoadedPolicy, PolicyInvalid, PolicyVersions, is_reference

T = TypeVar("T")
MOST_VERSIONS = 100


def _comment(text: str) -> str:
    line = one_line(text.strip())
    if len(line) > MAX_COMMENT:
        raise typer.BadParameter(f"a comment has at most {MAX_COMMENT} characters")
    return line


File = Annotated[Path, typer.Argument(metavar="FILE", help="The policy, a YAML file.")]
Comment = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.", parser=_comment)]
Which = Annotated[str, typer.Argument(metavar="VERSION", help="A number, the beginning of a digest, or active.")]


def list_versions(
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=MOST_VERSIONS, help="How many.")] = 20,
    before: Annotated[int | None, typer.Option(metavar="NUMBER", min=1, help="Only those before this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what was in force, newest first: when, put in force by whom, and from where."""
    page: VersionPage = on_versions(lambda policies: policies.versions(before=before, limit=limit))
    if as_json:
        print_json({"active": page.active, "items": [version_out(each) for each in page.items], "more": page.more})
    elif page.items:
        print_versions(page.items, page.active if before is None else None)
        if page.more:
            say(f"Older ones: sayso policy list --before {page.items[-1].number}")
    else:
        say(f"No policy was put in force yet. In force is {BUILT_IN}.")


def show(which: Which = "active", as_json: AsJson = False) -> None:
    """Print the document of a version as it is, or of the one in force."""
    found: Found = on_versions(lambda policies: policies.find(which))
    if found.text is None:
        raise NotFound(f"In force is {BUILT_IN}; it has no document." if found.digest is None else "It is not kept.")
    about = version_out(found.version) if found.version else {}
    if as_json:
        print_json({**about, "document": found.text})
        return
    if found.version:
        say(f"Version {found.version.number}, {found.digest}")
    typer.echo(found.text, nl=not found.text.endswith("\n"))


def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A file, a number, a digest, or active.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The later one. Left out: from active to BEFORE.")] = "",
    text: Annotated[bool, typer.Option("--text", help="Compare the documents line by line.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two policies, rule by rule, and say what demands less. Each is a file, a version, or the active one."""
    one, other = (before, after) if after else ("active", before)

    try:
        files = {name: _from_file(name) for name in (one, other) if not is_reference(name)}
    except PolicyInvalid as error:
        print_problems(error.problems, as_json=as_json)
        raise typer.Exit(1) from None

    async def work(policies: PolicyVersions) -> tuple[Comparison | None, list[str]]:
        old, new = [files.get(name) or await policies.find(name) for name in (one, other)]
        return await policies.compare(old, new), await policies.lines(old, new)

    comparison, lines = on_versions(work)
    if as_json:
        print_json({**comparison_out(comparison), "text": lines})
    elif text:
        for line in lines:
            typer.echo(one_line(line))
    else:
        print_comparison(comparison)


def activate(file: File, comment: Comment = "", as_json: AsJson = False) -> None:
    """Put a policy in force on every replica. Requests that are open keep the rule with which they were asked."""
    documents = Documents()
    try:
        written, policy = documents.from_file(file)
    except PolicyInvalid as error:
        print_problems(error.problems, as_json=as_json)
        raise typer.Exit(1) from None
    origin = Origin(_me(), "command", f"{socket.gethostname()}:{file.absolute()}", comment)
    _done(lambda policies: policies.activate(written, str(file), origin), policy, documents, as_json=as_json)


def rollback(
    which: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The version to bring back.")],
    comment: Comment = "",
    as_json: AsJson = False,
) -> None:
    """Put the document of an earlier version in force again. That is a version of its own, recorded as such."""
    origin = Origin(_me(), "command", socket.gethostname(), comment)
    _done(lambda policies: policies.roll_back(which, origin), None, Documents(), as_json=as_json)


def on_versions(work: Callable[[PolicyVersions], Coroutine[Any, Any, T]], documents: Documents | None = None) -> T:
    """Run ``work`` on the open book."""

    async def on_book(book: Book) -> T:
        return await work(PolicyVersions(book.store, documents or Documents(), book.log))

    return with_book(on_book)


def _done(
    put: Callable[[PolicyVersions], Coroutine[Any, Any, Activated]],
    policy: LoadedPolicy | None,
    documents: Documents,
    *,
    as_json: bool,
) -> None:
    try:
        done = on_versions(put, documents)
    except ChangedMeanwhile as error:
        if as_json:
            print_json({"activated": False, "detail": error.detail})
        say(error.detail)
        raise typer.Exit(1) from None
    if as_json:
        print_json(
            {
                "active": done.digest,
                "activated": True,
                "version": done.number,
                "changed": done.changed,
                "replaced": done.replaced,
                **comparison_out(done.comparison),
            }
        )
        return
    say_problems(policy.warnings if policy else (), "warning: ")
    if not done.changed:
        typer.echo(f"In force already: {done.digest}. Nothing was changed.")
        return
    typer.echo(f"In force: version {done.number}, {done.digest}. It replaced {done.replaced or BUILT_IN}.")
    if done.comparison is not None:
        print_weakened(done.comparison)


def _from_file(name: str) -> Found:
    text, policy = Documents().from_file(Path(name))
    return Found(None, policy.digest, text)


def _me() -> str:
    return f"operator {shell_user()}".strip()
