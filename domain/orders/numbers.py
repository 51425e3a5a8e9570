"""Order numbers people can read out: ten digits or more, the last of which tells of a slip."""

from __future__ import annotations

# H. Michael Damm, "Total anti-symmetrische Quasigruppen" (2004): finds every wrong digit and every swap of
# two neighbours.
_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)
_ROUND = 10**9
# Prime to the round, so that it only deals the numbers anew: neighbours look nothing alike, and nobody reads
# off how many orders there were.
_SPREAD = 618_033_989
_GATHER = pow(_SPREAD, -1, _ROUND)
_LARGEST_SERIAL = 2**63 - 1


def number_of(serial: int) -> str:
    """The number of the order with this serial (1, 2, 3 …): `4029137755`."""
    turn, place = divmod(serial, _ROUND)
    digits = f"{turn or ''}{place * _SPREAD % _ROUND:09d}"
    return f"{digits}{_check(digits)}"


def serial_of(number: str) -> int | None:
    """The serial behind a number as somebody typed it, spaces and dashes aside; None when it is mistyped."""
    digits = number.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 10 <= len(digits) <= 20) or _check(digits) != 0:
        return None
    turn, dealt = int(digits[:-10] or "0"), int(digits[-10:-1])
    serial = turn * _ROUND + dealt * _GATHER % _ROUND
    return serial if serial <= _LARGEST_SERIAL and digits == number_of(serial) else None


def _check(digits: str) -> int:
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][int(digit)]
    return interim
