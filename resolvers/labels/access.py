"""Whose devices are whose: staff tend those of their store, a gateway speaks for itself."""

from __future__ import annotations

from domain.access import Principal, PrincipalKind
from persistence.labels.tables import Device


def sees_devices_of(viewer: Principal, store: str) -> bool:
    """Whether a caller that may read devices at all may read this store's."""
    return viewer.kind is PrincipalKind.PARTNER or viewer.works_in(store)


def tends(viewer: Principal, store: str) -> bool:
    """Whether a caller that may change devices at all may change this store's."""
    return viewer.kind is PrincipalKind.PARTNER or (viewer.is_staff and viewer.works_in(store))


def speaks_for(viewer: Principal, gateway: Device) -> bool:
    """Whether a caller may claim a gateway, hear its work and report for it: itself, or who tends it."""
    if viewer.kind is PrincipalKind.DEVICE:
        return viewer.subject == gateway.code and viewer.works_in(gateway.store)
    return tends(viewer, gateway.store)
