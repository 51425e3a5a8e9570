"""Returns: what a line gives back for the units that come back."""

from __future__ import annotations


def refund_of(line_total: int, quantity: int, *, returned: int, refunded: int, more: int) -> int:
    """What a line's next `more` units give back, after `returned` of its `quantity` gave back `refunded`.

    line_total × more ÷ quantity, half up, and never more than is left; the last unit takes the rest, so that
    all of them together give back exactly what was paid.
    """
    if not 0 < more <= quantity - returned:
        raise ValueError(f"{more} of {quantity - returned} units can't come back")
    rest = line_total - refunded
    if returned + more == quantity:
        return rest
    return min(rest, (2 * line_total * more + quantity) // (2 * quantity))
