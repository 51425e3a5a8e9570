"""The key under which personal values are sealed."""

from __future__ import annotations

import base64
import binascii
import os

from graph.keys import kept_key
from graph.settings import BadSettings, Settings
from persistence.vault import KEY_BYTES, Vault


def vault_of(settings: Settings) -> Vault:
    """The vault under the key of the settings, or under the data folder's, which is made when missing.

    Raises BadSettings when that is no such key.
    """
    if settings.data_key is not None:
        return Vault(_key(settings.data_key.get_secret_value().encode(), "SHELFGRAPH_DATA_KEY"))
    path = settings.data_dir / "data-key"
    return Vault(_key(kept_key(path, _new_key), str(path)))


def _new_key() -> bytes:
    return base64.b64encode(os.urandom(KEY_BYTES))


def _key(text: bytes, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadSettings([f"{where}: should be {KEY_BYTES} bytes in base64."])
    return key
