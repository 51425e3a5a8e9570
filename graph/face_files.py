"""The pictures of faces: drawn when somebody first fetches one, and kept."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devices import faces
from domain.face_documents import read
from domain.labels import LABEL_MODELS
from domain.refusals import RequestError
from persistence.labels import faces as faces_db
from persistence.labels.tables import Face
from resolvers.house import House

_HASH = re.compile(r"[0-9a-f]{64}")
_KINDS = {"png": "image/png", "bin": "application/octet-stream"}
_FOR_EVER = "public, max-age=31536000, immutable"
# Drawn off the event loop, and no more at once than leave it room to breathe.
_pool = ThreadPoolExecutor(2, thread_name_prefix="face-files")


def face_files(house: House) -> Route:
    """GET /faces/{hash}.png, what the panel shows, and .bin, the packed planes for the hardware.

    Whoever has the hash may have the picture: it hangs on a shelf for everybody to see.
    """

    async def fetched(request: Request) -> Response:
        face_hash, kind = request.path_params["hash"], request.path_params["kind"]
        if kind not in _KINDS or not _HASH.fullmatch(face_hash):
            return _absent()
        try:
            async with house.database.connection() as db:
                face = await faces_db.face(db, face_hash)
            if face is None:
                return _absent()
            png, planes = await _pictures(house, face)
        except RequestError as away:
            return JSONResponse({"error": away.code.value}, 503, headers={"Retry-After": "2"})
        body = png if kind == "png" else planes
        headers = {"Cache-Control": _FOR_EVER, "ETag": f'"{face_hash}"'}
        return Response(body, media_type=_KINDS[kind], headers=headers)

    return Route("/faces/{hash}.{kind}", fetched)


async def _pictures(house: House, face: Face) -> tuple[bytes, bytes]:
    if face.png is not None and face.planes is not None:
        return face.png, face.planes
    png, planes = await asyncio.get_running_loop().run_in_executor(_pool, _drawn, face)
    async with house.database.connection() as db:
        await faces_db.keep_drawn(db, face.hash, png, planes)
    return png, planes


def _drawn(face: Face) -> tuple[bytes, bytes]:
    fields, model = read(face.fields), LABEL_MODELS[face.model]
    return faces.draw(fields, face.template, model), faces.draw_packed(fields, face.template, model)


def _absent() -> Response:
    return JSONResponse({"error": "NOT_FOUND"}, 404)
