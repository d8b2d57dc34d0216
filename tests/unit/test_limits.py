"""How connections are bounded, by the rules alone: no socket and no time."""

from __future__ import annotations

from sayso_bot.http.limits import MOST_CONNECTIONS, Closed, Connections, Limits, Wait
from unit.seconds import Seconds


class Peer:
    def __init__(self, unread: int = 0) -> None:
        self.left = unread
        self.ended: tuple[Closed, Wait] | None = None

    def unread(self) -> int:
        return self.left

    def close_for(self, why: Closed, wait: Wait) -> None:
        self.ended = (why, wait)


class Reader(Peer):
    """Has read a byte more whenever somebody looks."""

    def unread(self) -> int:
        self.left -= 1
        return self.left


def opened(connections: Connections, count: int) -> list[Peer]:
    peers = [Peer() for _ in range(count)]
    assert all(connections.opened(peer) for peer in peers)
    return peers


def test_who_has_waited_for_its_caller_longest_makes_room() -> None:
    clock = Seconds()
    connections = Connections(Limits(connections=3), clock)
    busy, idle, speaking = opened(connections, 3)
    connections.works(busy)
    clock.now = 1
    connections.waits(idle, Wait.IDLE)
    clock.now = 2
    connections.waits(speaking, Wait.HEAD)
    [first] = opened(connections, 1)
    assert (idle.ended, busy.ended, speaking.ended) == ((Closed.MADE_ROOM, Wait.IDLE), None, None)
    connections.works(first)
    opened(connections, 1)
    assert speaking.ended == (Closed.MADE_ROOM, Wait.HEAD)
    assert len(connections) == 3


def test_what_waits_for_us_is_never_closed_for_another() -> None:
    clock = Seconds()
    connections = Connections(Limits(connections=2), clock)
    peers = opened(connections, 2)
    for peer in peers:
        connections.works(peer)
    clock.now = 1e6
    connections.close_late()
    late = Peer()
    assert not connections.opened(late)
    assert [peer.ended for peer in (*peers, late)] == [None, None, None]
    connections.closed(late)
    assert len(connections) == 2


def test_each_wait_has_its_own_deadline() -> None:
    limits = Limits()
    seconds = {
        Wait.FIRST: limits.head_seconds,
        Wait.HEAD: limits.head_seconds,
        Wait.IDLE: limits.idle_seconds,
        Wait.BODY: limits.body_seconds,
    }
    for wait, most in seconds.items():
        clock = Seconds()
        connections = Connections(limits, clock)
        [peer] = opened(connections, 1)
        connections.waits(peer, wait)
        ended = []
        for clock.now in (most - 0.1, most):
            connections.close_late()
            ended.append(peer.ended)
        assert ended == [None, (Closed.LATE, wait)]
        assert len(connections) == 0


def test_idle_connections_have_less_time_where_there_are_many() -> None:
    clock = Seconds()
    connections = Connections(Limits(connections=10), clock)
    idle, first = opened(connections, 2)
    connections.waits(idle, Wait.IDLE)
    clock.now = 11
    connections.close_late()
    assert [peer.ended for peer in (idle, first)] == [None, (Closed.LATE, Wait.FIRST)]
    for peer in opened(connections, 5):
        connections.works(peer)
    connections.close_late()
    assert idle.ended == (Closed.LATE, Wait.IDLE)


def test_a_large_answer_may_be_read_for_longer() -> None:
    clock = Seconds()
    limits = Limits(answer_seconds=10, answer_bytes_per_second=1000)
    connections = Connections(limits, clock)
    small, large = opened(connections, 2)
    small.left, large.left = 100, 20_000
    for peer in (small, large):
        connections.waits_for_reader(peer)
    clock.now = 11
    connections.close_late()
    assert (small.ended, large.ended) == ((Closed.LATE, Wait.ANSWER), None)
    clock.now = 30
    connections.close_late()
    assert large.ended == (Closed.LATE, Wait.ANSWER)


def test_who_does_not_read_makes_room_before_who_reads() -> None:
    connections = Connections(Limits(unread_bytes=1000), Seconds())
    reads, does_not, last = opened(connections, 3)
    reads.left = does_not.left = 400
    for peer in (reads, does_not):
        connections.waits_for_reader(peer)
    reads.left, last.left = 399, 400
    connections.waits_for_reader(last)
    assert (reads.ended, does_not.ended, last.ended) == (None, (Closed.TOO_MUCH, Wait.ANSWER), None)


def test_where_all_read_on_the_oldest_makes_room() -> None:
    connections = Connections(Limits(unread_bytes=1000), Seconds())
    peers = [Reader(401) for _ in range(3)]
    for peer in peers:
        connections.opened(peer)
        connections.waits_for_reader(peer)
    assert [peer.ended for peer in peers] == [(Closed.TOO_MUCH, Wait.ANSWER), None, None]


def test_what_was_read_no_longer_counts() -> None:
    connections = Connections(Limits(unread_bytes=1000), Seconds())
    for peer in opened(connections, 100):
        peer.left = 900
        connections.waits_for_reader(peer)
        connections.works(peer)
        assert peer.ended is None


def test_the_bound_leaves_descriptors_for_others() -> None:
    assert Limits.within(20_000).connections == 20_000 - 512
    assert Limits.within(1_000_000).connections == MOST_CONNECTIONS
    assert Limits.within(256).connections == 128


def test_the_warning_says_how_many_files_are_needed() -> None:
    limits = Limits.within(1024)
    assert limits.warning(512) is None
    assert "to 1512 or more" in str(limits.warning(1000))
    assert Limits.within(1_000_000).warning(10**6) is None


def test_a_flood_that_lapses_together_is_closed_a_part_at_a_time() -> None:
    clock = Seconds()
    connections = Connections(Limits(), clock)
    flood = opened(connections, 120)
    clock.now = 11
    assert [(connections.close_late(50), len(connections)) for _ in range(4)] == [
        (True, 70),
        (True, 20),
        (False, 0),
        (False, 0),
    ]
    assert all(peer.ended for peer in flood)
