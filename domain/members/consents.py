"""What a member agrees to: each purpose by itself, granted and withdrawn at any time."""

from __future__ import annotations

from enum import StrEnum


class ConsentPurpose(StrEnum):
    """What personal data is used for; nobody is asked for several at once."""

    MEMBERSHIP = "MEMBERSHIP"
    MARKETING = "MARKETING"
    PERSONALISATION = "PERSONALISATION"
    CLIENTELING = "CLIENTELING"
    BIOMETRIC = "BIOMETRIC"
    DATA_SHARING = "DATA_SHARING"
