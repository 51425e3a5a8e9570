"""What a controller asks the graph, and its answers as plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from domain.gateways import FaceJob, Report
from domain.labels import LabelModel, LabelPalette

SIGN_IN = """
mutation SignIn($code: String!, $secret: String!) {
  deviceSignIn(input: {code: $code, secret: $secret}) {
    accessToken expiresAt userErrors { code message }
  }
}
"""

CLAIM = """
mutation Claim($gateway: String!) {
  gatewayClaim(input: {gateway: $gateway}) { epoch userErrors { code message } }
}
"""

_FACE = """
fragment F on LabelFace { hash version displayAt imageUrl dataUrl }
fragment L on Label { code model { code width height palette timedDisplay } }
"""

SNAPSHOT = """
query Snapshot($gateway: String!, $first: Int!, $after: String) {
  labelSnapshot(gateway: $gateway, first: $first, after: $after) {
    cursor
    labels { code }
    pageInfo { hasNextPage endCursor }
  }
}
"""

WORK = (
    """
subscription Work($gateway: String!, $epoch: Int!, $after: EventCursor!, $window: Int!) {
  labelWork(gateway: $gateway, epoch: $epoch, after: $after, window: $window) {
    __typename
    ... on FaceSet { cursor priority label { ...L } face { ...F } }
    ... on FaceCancelled { cursor version label { code } }
    ... on LabelCommand { cursor kind label { code } }
    ... on Bookmark { cursor }
    ... on CursorExpired { cursor }
    ... on Fenced { epoch }
  }
}
"""
    + _FACE
)

REPORT = """
mutation Report($input: LabelsReportInput!) {
  labelsReport(input: $input) { results { reportId outcome desiredVersion } userErrors { code message } }
}
"""


def read_job(label: dict[str, Any], face: dict[str, Any]) -> FaceJob:
    """A face to show, from a label and its face as selected above."""
    display_at = face["displayAt"]
    return FaceJob(
        label=label["code"],
        version=int(face["version"]),
        hash=face["hash"],
        model=read_model(label["model"]),
        data_url=face["dataUrl"],
        image_url=face["imageUrl"],
        display_at=datetime.fromisoformat(display_at) if display_at else None,
    )


def read_model(model: dict[str, Any]) -> LabelModel:
    """The panel of a label."""
    palette = LabelPalette(model["palette"])
    return LabelModel(model["code"], model["width"], model["height"], palette, model["timedDisplay"])


def write_report(report_id: str, report: Report) -> dict[str, Any]:
    """A `LabelReport`, what is not known left out."""
    told = {
        "reportId": report_id,
        "label": report.label,
        "version": str(report.version),
        "state": report.state.value,
        "faceHash": report.face_hash,
        "error": report.error.value if report.error else None,
        "at": instant(report.at),
        "batteryMillivolts": report.battery_millivolts,
        "rssi": report.rssi,
        "lqi": report.lqi,
        "temperature": report.temperature,
        "firmware": report.firmware,
        "nextCheckInAt": instant(report.next_check_in_at) if report.next_check_in_at else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def instant(moment: datetime) -> str:
    """A moment as the graph takes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
