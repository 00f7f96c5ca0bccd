"""The board as the API sees it, divided by what an operator does."""

from __future__ import annotations

from dataclasses import dataclass

from signaling.halls.board.bans import Bans
from signaling.halls.board.live import LiveHalls
from signaling.halls.board.orders import Orders
from signaling.halls.board.pictures import Pictures
from signaling.halls.board.rows import Rows
from signaling.halls.board.terminals import Terminals
from signaling.halls.board.watchers import Watchers
from signaling.halls.calls.operator import Operator
from signaling.halls.exchange import HallExchange


@dataclass(frozen=True)
class Board:
    """The board of all dates of this process. Implements `signaling.api.ground.desk.HallDesk`."""

    rows: Rows
    orders: Orders
    calls: Operator
    """The halls that have dialled the operator."""
    bans: Bans
    pictures: Pictures
    terminals: Terminals


def board_of(halls: HallExchange, watchers: Watchers) -> Board:
    """Return the board over the halls of this process."""
    around = halls.around
    live = LiveHalls(halls.registry, halls.calls)
    monotonic, servers = around.clock.monotonic, around.servers
    rows = Rows(around.database, live, around.live, watchers, halls.traces, monotonic)
    orders = Orders(around.database, live, halls.outgoing, watchers, around.now, monotonic, around.random_bytes)
    wake = halls.outgoing.caller.wake
    terminals = Terminals(around.database, halls.agent, around.config.realm, servers, halls.refresh, wake)
    bans = Bans(halls.agent, around.database, around.now)
    return Board(rows, orders, halls.operator, bans, Pictures(live, watchers), terminals)
