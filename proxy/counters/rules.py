"""The rules of one step on one row. Pure: a row in, a row out; a store keeps the rows and takes the lock.

Requests and tokens count as spent when they are reserved, and belong to the window of that moment. Calls in flight and
spend are reserved until the call ends, and a reservation outlives its window: it is spent in the window in which it ends.
"""

from typing import NamedTuple

from proxy.counters.values import LIFETIME, Amounts, Limit, Refused, Share


class Row(NamedTuple):
    """One counter's numbers; `start` and `end` are those of its window, 0 without one."""

    spent: int = 0
    reserved: int = 0
    start: int = 0
    end: int = 0


EMPTY = Row()
# The measures that are reserved until the call ends; the others count at once.
HELD = frozenset({"spend", "parallel"})


def roll(row: Row, limit: Limit, now: float) -> Row:
    """Begin to count anew in a new window. A clock that steps back by less than a window keeps its count."""
    if row.start <= now < row.end or limit.window is LIFETIME:
        return row
    start, end = limit.window.bounds(now)
    if row.start == start and row.end == end:
        return row
    if start < row.start < end + (end - start):
        return row
    return Row(0, row.reserved, start, end)


def amount_of(limit: Limit, amounts: Amounts) -> int:
    """What a call takes of this counter.

    Tokens of a call that is larger than the whole limit are those of the limit; one of 0 lets none pass.
    """
    measure = limit.counter.measure
    if measure == "tokens":
        tokens = max(0, amounts.tokens or 0)
        return tokens if limit.maximum is None else min(tokens, limit.maximum or 1)
    if measure == "spend":
        return max(0, amounts.nanodollars or 0)
    return 1


def is_held(limit: Limit) -> bool:
    """Whether the counter reserves until the call ends, or counts at once."""
    return limit.counter.measure in HELD


def take(row: Row, limit: Limit, amounts: Amounts, now: float) -> tuple[Row, Share] | Refused:
    """Check one limit and count the call, on a row of the present window."""
    amount, used, maximum = amount_of(limit, amounts), row.spent + row.reserved, limit.maximum
    if maximum is not None:
        if used + amount > maximum and (not limit.partial or used >= maximum):
            return Refused(limit, used, seconds_left(row, limit, now))
        # A spent budget refuses calls that are estimated to cost nothing, too.
        if used >= maximum and limit.counter.measure == "spend":
            return Refused(limit, used, seconds_left(row, limit, now))
    share = Share(limit, amount, row.start, used + amount)
    return add(row, share), share


def add(row: Row, share: Share) -> Row:
    spent, reserved, start, end = row
    if share.limit.counter.measure in HELD:
        return Row(spent, reserved + share.amount, start, end)
    return Row(spent + share.amount, reserved, start, end)


def settle(row: Row, share: Share, actual: Amounts) -> Row:
    """Replace what was reserved by what was used, on a row of the present window."""
    spent, reserved, start, end = row
    if share.limit.counter.measure in HELD:
        return Row(spent + used_of(share, actual), max(0, reserved - share.amount), start, end)
    used = used_of(share, actual)
    if share.start != start or used == share.amount:
        return row
    return Row(max(0, spent - share.amount + used), reserved, start, end)


def used_of(share: Share, actual: Amounts) -> int:
    """What a call that has ended has used of this counter."""
    measure = share.limit.counter.measure
    if measure == "parallel":
        return 0
    known = None
    if measure == "spend":
        known = actual.nanodollars
    elif measure == "tokens":
        known = actual.tokens
    return share.amount if known is None else max(0, known)


def release(row: Row, share: Share) -> Row:
    """Undo `take` for a call that was never sent."""
    if is_held(share.limit):
        return row._replace(reserved=max(0, row.reserved - share.amount))
    if share.start != row.start:
        return row
    return row._replace(spent=max(0, row.spent - share.amount))


def seconds_left(row: Row, limit: Limit, now: float) -> float | None:
    if limit.counter.measure == "parallel":
        return 0.0
    return max(0.0, row.end - now) if row.end else None


def is_at_rest(spent: int, reserved: int, end: int, now: float) -> bool:
    """Whether a row can be forgotten: nothing is in flight, and nothing is spent in a window that goes on."""
    return reserved == 0 and (spent == 0 or 0 < end <= now)
