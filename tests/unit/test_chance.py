"""Bytes that are taken by the page are as unlike each other as those that are taken one by one."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from sayso_bot.domain.chance import PAGE_BYTES, random_bytes


def test_no_bytes_are_given_twice() -> None:
    taken = [random_bytes(16) for _ in range(4 * PAGE_BYTES // 16)]
    assert {len(each) for each in taken} == {16}
    assert len(set(taken)) == len(taken)


def test_more_than_a_page_may_be_taken_at_once() -> None:
    assert len(random_bytes(3 * PAGE_BYTES + 1)) == 3 * PAGE_BYTES + 1


def test_threads_take_no_bytes_that_another_has_had() -> None:
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: random_bytes(16), range(20_000)))
    assert len(set(taken)) == len(taken)


_FORK = """
import os
from sayso_bot.domain.chance import random_bytes
random_bytes(1)
child = os.fork()
os.write(1, random_bytes(16).hex().encode() + b" ")
if child:
    os.waitpid(child, 0)
"""


def test_a_process_that_was_forked_has_others_than_the_one_that_forked_it() -> None:
    told = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, check=True, text=True).stdout.split()
    assert len(told) == len(set(told)) == 2
