"""A strict Grafana: the few endpoints that are used, refusing what Grafana refuses. Written from its HTTP API documentation."""

import re
from typing import Any

from tests.fakes.faulty_http import Call, Reply, Routes, dispatch

_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Grafana:
    """Folders, dashboards and annotations in memory."""

    def __init__(self, token: str = "t0ken") -> None:  # noqa: S107 - of a fake
        self.token = token
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.annotations: list[dict[str, Any]] = []
        self._routes: Routes = [
            ("GET", r"/api/folders/([^/]+)", self._folder),
            ("POST", r"/api/folders", self._new_folder),
            ("POST", r"/api/dashboards/db", self._save),
            ("GET", r"/api/annotations", self._find),
            ("POST", r"/api/annotations", self._annotate),
        ]

    def handle(self, call: Call) -> Reply:
        if call.headers.get("Authorization") != f"Bearer {self.token}":
            return Reply(401, {"message": "Invalid API key"})
        return dispatch(self._routes, call) or Reply(404, {"message": "Not found"})

    def _folder(self, _call: Call, uid: str) -> Reply:
        if uid not in self.folders:
            return Reply(404, {"message": "folder not found"})
        return Reply(200, {"uid": uid, "title": self.folders[uid]})

    def _new_folder(self, call: Call) -> Reply:
        body = call.json
        if set(body) - {"uid", "title", "parentUid"} or not _UID.fullmatch(body["uid"]) or not body["title"]:
            return Reply(400, {"message": "bad folder"})
        if body["uid"] in self.folders:
            return Reply(412, {"message": "The folder has been changed by someone else"})
        self.folders[body["uid"]] = body["title"]
        return Reply(200, {"id": 1, **body})

    def _save(self, call: Call) -> Reply:
        body = call.json
        if set(body) - {"dashboard", "folderUid", "overwrite", "message"}:
            return Reply(400, {"message": "unknown field"})
        board = body["dashboard"]
        if not _UID.fullmatch(board["uid"]) or not board["title"] or board["id"] is not None:
            return Reply(400, {"message": "uid contains illegal characters, or no title"})
        if body.get("folderUid") not in self.folders:
            return Reply(400, {"message": "folder not found"})
        if board["uid"] in self.dashboards and not body.get("overwrite"):
            return Reply(412, {"message": "A dashboard with the same uid already exists", "status": "version-mismatch"})
        version = self.dashboards.get(board["uid"], {}).get("version", 0) + 1
        self.dashboards[board["uid"]] = {**board, "version": version, "folder": body["folderUid"]}
        return Reply(200, {"uid": board["uid"], "url": f"/d/{board['uid']}/x", "status": "success", "version": version, "id": 1})

    def _find(self, call: Call) -> Reply:
        if set(call.query) - {"dashboardUID", "from", "to", "tags", "limit", "type"}:
            return Reply(400, {"message": "unknown parameter"})
        start, end = int(call.query["from"][0]), int(call.query["to"][0])
        wanted = set(call.query.get("tags", []))
        found = [
            a
            for a in self.annotations
            if a["dashboardUID"] == call.query["dashboardUID"][0] and start <= a["time"] <= end and wanted <= set(a["tags"])
        ]
        return Reply(200, found)

    def _annotate(self, call: Call) -> Reply:
        body = call.json
        if set(body) - {"dashboardUID", "panelId", "time", "timeEnd", "tags", "text"} or not body.get("text"):
            return Reply(400, {"message": "Failed to save annotation"})
        if body["dashboardUID"] not in self.dashboards:
            return Reply(404, {"message": "Dashboard not found"})
        self.annotations.append(body)
        return Reply(200, {"message": "Annotation added", "id": len(self.annotations)})
