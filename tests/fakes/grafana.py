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
        self.sources: list[dict[str, Any]] = []
        self.snapshots: list[dict[str, Any]] = []
        self.database = "ok"
        self.permissions = {"folders:create": [], "dashboards:write": ["folders:*"]}
        self.can_save = True
        self.reads_sources = True
        """Whether the token has datasources:read, which an Editor does not have by default."""
        self._routes: Routes = [
            ("GET", r"/api/folders/([^/]+)", self._folder),
            ("POST", r"/api/folders", self._new_folder),
            ("POST", r"/api/dashboards/db", self._save),
            ("GET", r"/api/dashboards/uid/([^/]+)", self._read),
            ("DELETE", r"/api/dashboards/uid/([^/]+)", self._remove),
            ("GET", r"/api/annotations", self._find),
            ("GET", r"/api/dashboard/snapshots", self._snapshots),
            ("POST", r"/api/snapshots", self._freeze),
            ("GET", r"/api/org", lambda _call: Reply(200, {"id": 1, "name": "Main Org."})),
            ("GET", r"/api/datasources/uid/([^/]+)", self._source),
            ("GET", r"/api/frontend/settings", self._frontend),
            ("GET", r"/api/access-control/user/permissions", lambda _call: Reply(200, self.permissions)),
            ("POST", r"/api/annotations", self._annotate),
        ]

    def handle(self, call: Call) -> Reply:
        if call.path == "/api/health":
            return Reply(200, {"commit": "abc", "database": self.database, "version": "12.1.0"})
        if call.headers.get("Authorization") != f"Bearer {self.token}":
            return Reply(401, {"message": "Invalid API key"})
        return dispatch(self._routes, call) or Reply(404, {"message": "Not found"})

    def _folder(self, _call: Call, uid: str) -> Reply:
        if uid not in self.folders:
            return Reply(404, {"message": "folder not found"})
        return Reply(200, {"uid": uid, "title": self.folders[uid], "canSave": self.can_save, "canEdit": self.can_save})

    def _snapshots(self, call: Call) -> Reply:
        if set(call.query) - {"query", "limit"}:
            return Reply(400, {"message": "unknown parameter"})
        found = [s for s in self.snapshots if call.query["query"][0] in s["name"]]
        return Reply(200, [{"id": 1, "name": s["name"], "key": s["key"], "expires": s["expires"]} for s in found])

    def _freeze(self, call: Call) -> Reply:
        body = call.json
        if set(body) - {"dashboard", "name", "expires", "external", "key", "deleteKey"} or not body["dashboard"].get("title"):
            return Reply(400, {"message": "bad request data"})
        if any("snapshotData" not in panel for panel in body["dashboard"].get("panels", [])):
            return Reply(400, {"message": "a snapshot without data asks the data source again"})
        key = f"key{len(self.snapshots)}"
        self.snapshots.append({**body, "key": key})
        url = f"http://localhost:3000/dashboard/snapshot/{key}"
        return Reply(200, {"deleteKey": "d", "deleteUrl": "u", "id": 1, "key": key, "url": url})

    def _source(self, _call: Call, uid: str) -> Reply:
        if not self.reads_sources:
            return Reply(403, {"message": "You'll need additional permissions: datasources:read", "accessErrorId": "ACE1"})
        found = [s for s in self.sources if s["uid"] == uid]
        return Reply(200, found[0]) if found else Reply(404, {"message": "Data source not found"})

    def _frontend(self, _call: Call) -> Reply:
        listed = {s["name"]: {"uid": s["uid"], "name": s["name"], "type": s["type"]} for s in self.sources}
        grafana = {"-- Grafana --": {"uid": "-- Grafana --", "name": "-- Grafana --", "type": "datasource"}}
        return Reply(200, {"appUrl": "http://localhost:3000/", "datasources": {**listed, **grafana}})

    def _new_folder(self, call: Call) -> Reply:
        body = call.json
        if set(body) - {"uid", "title", "parentUid"} or not _UID.fullmatch(body["uid"]) or not body["title"]:
            return Reply(400, {"message": "bad folder"})
        if body["uid"] in self.folders:
            return Reply(412, {"message": "The folder has been changed by someone else"})
        self.folders[body["uid"]] = body["title"]
        return Reply(200, {"id": 1, **body})

    def _read(self, _: Call, uid: str) -> Reply:
        found = self.dashboards.get(uid)
        return Reply(200, {"dashboard": found, "meta": {}}) if found else Reply(404, {"message": "Dashboard not found"})

    def _remove(self, _: Call, uid: str) -> Reply:
        gone = self.dashboards.pop(uid, None)
        return Reply(200, {"title": gone["title"]}) if gone else Reply(404, {"message": "Dashboard not found"})

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
