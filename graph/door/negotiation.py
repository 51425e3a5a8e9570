"""What the client would like to read: media type and language, by their q-values."""

from __future__ import annotations

from functools import lru_cache

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"
EVENT_STREAM = "text/event-stream"


@lru_cache(maxsize=256)
def media_type(accept: str | None) -> str | None:
    """The media type of the answer, or None when the client accepts neither of ours.

    A type named outright wins over a range at the same weight; without a header and for `*/*` it is
    `application/json`, which every client reads. At equal weights the GraphQL type is taken.
    """
    if accept is None or not accept.strip():
        return JSON
    weights = _weights(accept)
    best: tuple[float, int, str] | None = None
    for ours, when_named, when_ranged in ((GRAPHQL_RESPONSE, 3, 0), (JSON, 2, 1)):
        for name, rank in ((ours, when_named), ("application/*", when_ranged), ("*/*", when_ranged)):
            if name in weights:
                weight = weights[name]
                if weight > 0 and (best is None or (weight, rank, ours) > best):
                    best = (weight, rank, ours)
                break
    return best[2] if best else None


@lru_cache(maxsize=256)
def accepts_stream(accept: str | None) -> bool:
    """Whether the client reads event streams: it names them, for most that accept anything would not."""
    return accept is not None and _stream_weight(_weights(accept)) > 0


@lru_cache(maxsize=256)
def prefers_stream(accept: str | None) -> bool:
    """Whether the client would rather have an event stream than JSON, also for what has one answer."""
    if accept is None:
        return False
    weights = _weights(accept)
    ours = (GRAPHQL_RESPONSE, JSON, "application/*", "*/*")
    return _stream_weight(weights) > max(weights.get(name, 0.0) for name in ours)


def _stream_weight(weights: dict[str, float]) -> float:
    return weights.get(EVENT_STREAM, weights.get("text/*", 0.0))


@lru_cache(maxsize=256)
def wants_page(accept: str | None) -> bool:
    """Whether a person's browser asks: HTML is named, and nothing of ours is named with more weight."""
    if accept is None:
        return False
    weights = _weights(accept)
    html = weights.get(HTML, 0.0)
    return html > 0 and html >= max(weights.get(GRAPHQL_RESPONSE, 0.0), weights.get(JSON, 0.0))


@lru_cache(maxsize=1024)
def language(accept_language: str | None, default: str) -> str:
    """The locale for our own sentences: the heaviest Chinese or English one asked for, else the default."""
    if not accept_language:
        return default
    best, locale = 0.0, default
    for name, weight in _weights(accept_language).items():
        if weight > best and name.partition("-")[0] in ("zh", "en"):
            best, locale = weight, name
    return locale


def _weights(header: str) -> dict[str, float]:
    """Each name of a weighted list with its q-value from 0 to 1, lower case; unreadable ones are 0."""
    weights: dict[str, float] = {}
    for item in header[:2000].split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if not name:
            continue
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
                if not 0.0 <= weight <= 1.0:
                    weight = 0.0
        weights[name] = max(weight, weights.get(name, 0.0))
    return weights
