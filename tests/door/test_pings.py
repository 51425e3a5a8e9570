"""The one clock by which all sockets of a server are pinged."""

from __future__ import annotations

import asyncio

from graph.door.pings import PingRounds, rounds_of


class Socket:
    """Counts its turns, and asks for so many."""

    def __init__(self, rounds: PingRounds, turns: int) -> None:
        self.rounds, self.left = rounds, turns
        self.at: list[float] = []
        rounds.add(self)

    def send_keepalive_ping(self) -> None:
        self.at.append(asyncio.get_running_loop().time())
        self.left -= 1
        if self.left:
            self.rounds.add(self)


async def test_each_has_its_turns_one_interval_apart_and_whoever_asks_no_more_is_let_go() -> None:
    loop = asyncio.get_running_loop()
    rounds = PingRounds(loop, 0.05)
    began = loop.time()
    first = [Socket(rounds, 2) for _ in range(50)]
    await asyncio.sleep(0.02)
    later = Socket(rounds, 1)
    async with asyncio.timeout(10):
        while any(socket.left for socket in (*first, later)):  # noqa: ASYNC110 - turns are no events
            await asyncio.sleep(0.01)
    for socket in first:
        assert len(socket.at) == 2
        assert socket.at[0] - began >= 0.049
        assert socket.at[1] - socket.at[0] >= 0.049
    assert later.at[0] >= first[-1].at[0]
    assert rounds.waiting == 0


async def test_a_server_has_one_clock() -> None:
    loop = asyncio.get_running_loop()

    class Server:
        """Stands for one."""

    one, other = Server(), Server()
    assert rounds_of(one, loop, 1) is rounds_of(one, loop, 1)
    assert rounds_of(one, loop, 1) is not rounds_of(other, loop, 1)
