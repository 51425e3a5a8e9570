"""Frames made by hand are the frames of the protocol."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from graph.door.frames import text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_a_frame_reads_back_as_it_was_written(size: int) -> None:
    payload = b"x" * size
    reader = StreamReader()
    written = text_frame(payload[:1], payload[1:])
    reader.feed_data(written)
    parsing = Frame.parse(reader.read_exact, mask=False, max_size=None)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    frame = parsed.value.value
    assert (frame.opcode, bytes(frame.data), frame.fin) == (Opcode.TEXT, payload, True)
    assert written == Frame(Opcode.TEXT, payload).serialize(mask=False)
