"""Keys that a process keeps in files when the settings name none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from graph.settings import BadSettings


def kept_key(path: Path, make: Callable[[], bytes]) -> bytes:
    """The key file's content; of several processes that find none, one makes it and all read that one.

    Raises BadSettings when it can neither be read nor made.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BadSettings([f"{path}: cannot be read: {error.strerror}."]) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, whole = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)  # 0600, as mkstemp does
        try:
            with os.fdopen(number, "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was faster
                os.link(whole, path)
        finally:
            os.unlink(whole)
        return path.read_bytes()
    except OSError as error:
        raise BadSettings([f"{path}: cannot be kept: {error.strerror}."]) from error
