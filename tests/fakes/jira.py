"""A strict Jira: Cloud (API v3, Atlassian documents) or Data Center (API v2, text), as far as tickets of ours need it.

Whatever it would refuse, it refuses; whatever Atlassian's description does not know is kept in `violations`. Searches may lag
behind writes, as Jira Cloud's do.
"""

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes import jira_spec
from tests.fakes.faulty_http import Call, Reply, dispatch

BOT = {"accountId": "bot-1", "displayName": "llo11ypop bot", "name": "bot"}
ANA = {"accountId": "5b10-ana", "displayName": "Ana Diaz", "name": "ana", "emailAddress": "ana@example.org"}
CATEGORIES = {"Open": ("new", 2), "In Progress": ("indeterminate", 4), "Approved": ("indeterminate", 4), "Done": ("done", 3)}
TRANSITIONS = {"11": "In Progress", "21": "Approved", "31": "Done", "41": "Open"}
Json = dict[str, Any]


@dataclass
class FakeJira:
    """The state of a site; `handle` is its HTTP API."""

    cloud: bool = True
    user: str = "bot@example.org"
    token: str = "jira-t0ken"
    projects: tuple[str, ...] = ("OPS", "FAC")
    priorities: tuple[str, ...] = ("Highest", "High", "Medium", "Low")
    components: tuple[str, ...] = ("GPU hardware",)
    permissions: set[str] = field(
        default_factory=lambda: {
            "BROWSE_PROJECTS",
            "CREATE_ISSUES",
            "ADD_COMMENTS",
            "TRANSITION_ISSUES",
            "CREATE_ATTACHMENTS",
        }
    )
    issues: dict[str, Json] = field(default_factory=dict)
    searches_behind: int = 0
    """How many searches do not see new tickets yet."""
    judges_documents: bool = False
    """Whether bodies are held against Atlassian's schema of documents, which takes a second each."""
    now: datetime = datetime(2026, 5, 1, 12, tzinfo=UTC)
    violations: list[str] = field(default_factory=list)
    _unseen: set[str] = field(default_factory=set)
    _serial: int = 10_000

    def handle(self, call: Call) -> Reply:
        if call.headers.get("Authorization") != self._login():
            return Reply(401, {"errorMessages": ["Client must be authenticated to access this resource."], "errors": {}})
        root = f"/rest/api/{3 if self.cloud else 2}"
        reply = dispatch(
            [
                ("GET", f"{root}/myself", lambda c: Reply(200, dict(BOT, **self._person(BOT)))),
                ("GET", f"{root}/mypermissions", self._permissions),
                ("GET", f"{root}/field", lambda c: Reply(200, [])),
                ("GET", f"{root}/search/jql" if self.cloud else f"{root}/search", self._search),
                ("POST", f"{root}/issue", self._create),
                ("GET", f"{root}/issue/([A-Z]+-\\d+)", self._read),
                ("POST", f"{root}/issue/([A-Z]+-\\d+)/comment", self._comment),
                ("POST", f"{root}/issue/([A-Z]+-\\d+)/attachments", self._attach),
                ("GET", f"{root}/issue/([A-Z]+-\\d+)/transitions", self._transitions),
                ("POST", f"{root}/issue/([A-Z]+-\\d+)/transitions", self._move),
            ],
            call,
        ) or Reply(404, {"errorMessages": [f"null for uri: {call.path}"], "errors": {}})
        if self.cloud:
            self.violations += jira_spec.problems(call, reply)
        return reply

    # ------------------------------------------------------------ what people do
    def says(self, key: str, text: str, who: Json = ANA) -> Json:
        """A comment in the browser."""
        body: Any = text
        if self.cloud:
            lines = [{"type": "paragraph", "content": [{"type": "text", "text": t}] if t else []} for t in text.split("\n")]
            body = {"version": 1, "type": "doc", "content": lines}
        return self._add_comment(self.issues[key], body, who)

    def moves(self, key: str, status: str, who: Json = ANA, resolution: str = "") -> Json:
        """A transition in the browser."""
        return self._change(self.issues[key], status, who, resolution)

    def passes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    # ------------------------------------------------------------ the API
    def _login(self) -> str:
        if not self.cloud:
            return f"Bearer {self.token}"
        return "Basic " + base64.b64encode(f"{self.user}:{self.token}".encode()).decode()

    def _permissions(self, call: Call) -> Reply:
        if call.query["projectKey"][0] not in self.projects:
            return Reply(404, {"errorMessages": ["No project could be found with key"], "errors": {}})
        asked = call.query["permissions"][0].split(",")
        return Reply(200, {"permissions": {a: {"key": a, "havePermission": a in self.permissions} for a in asked}})

    def _search(self, call: Call) -> Reply:
        jql = call.query["jql"][0]
        form = re.fullmatch(r'labels = "([\w-]+)"(?: AND updated >= "-(\d+)m")? ORDER BY (created|updated) ASC', jql)
        if form is None:
            return Reply(400, {"errorMessages": [f"Error in the JQL Query: {jql}"], "errors": {}})
        if self.searches_behind:
            self.searches_behind -= 1
        else:
            self._unseen.clear()
        since = self.now - timedelta(minutes=int(form[2])) if form[2] else None
        found = [
            i
            for key, i in self.issues.items()
            if form[1] in i["fields"]["labels"]
            and key not in self._unseen
            and (since is None or _at(i["fields"]["updated"]) >= since)
        ]
        start = int(call.query.get("nextPageToken" if self.cloud else "startAt", ["0"])[0])
        size = min(int(call.query.get("maxResults", ["50"])[0]), 2)  # small pages, so that paging is tried
        page = [
            {k: i[k] for k in ("id", "key")} | {"fields": {"summary": i["fields"]["summary"]}}
            for i in found[start : start + size]
        ]
        if self.cloud:
            more = {"nextPageToken": str(start + size)} if start + size < len(found) else {}
            return Reply(200, {"issues": page, "isLast": not more, **more})
        return Reply(200, {"startAt": start, "maxResults": size, "total": len(found), "issues": page})

    def _create(self, call: Call) -> Reply:
        fields = call.json["fields"]
        wrong: dict[str, str] = {}
        if fields.get("project", {}).get("key") not in self.projects:
            wrong["project"] = "valid project is required"
        if fields.get("issuetype") != {"name": "Task"}:
            wrong["issuetype"] = "The issue type selected is invalid."
        summary = fields.get("summary", "")
        if not summary or len(summary) > 255 or "\n" in summary:
            wrong["summary"] = "The summary is invalid because it contains newline characters or is too long."
        if "priority" in fields and fields["priority"].get("name") not in self.priorities:
            wrong["priority"] = "The priority selected is invalid."
        if any(c.get("name") not in self.components for c in fields.get("components", ())):
            wrong["components"] = "Component name is not valid"
        if any(" " in label for label in fields.get("labels", ())):
            wrong["labels"] = "The label contains spaces which is invalid."
        wrong |= {n: "Field cannot be set. It is not on the appropriate screen, or unknown." for n in fields.keys() - _FIELDS}
        for problem in self._body(fields.get("description")):
            wrong["description"] = problem
        if wrong:
            return Reply(400, {"errorMessages": [], "errors": wrong})
        self._serial += 1
        key = f"{fields['project']['key']}-{sum(k.startswith(fields['project']['key']) for k in self.issues) + 1}"
        status = {"name": "Open", "statusCategory": {"key": "new", "id": 2, "name": "To Do"}}
        own = {"status": status, "resolution": None, "comment": {"comments": []}, "attachment": [], "updated": _iso(self.now)}
        self.issues[key] = {"id": str(self._serial), "key": key, "fields": {**fields, **own}, "changelog": {"histories": []}}
        self._unseen.add(key)
        return Reply(
            201, {"id": str(self._serial), "key": key, "self": f"https://example.atlassian.net/rest/api/3/issue/{self._serial}"}
        )

    def _read(self, call: Call, key: str) -> Reply:
        issue = self.issues.get(key)
        if issue is None:
            return _missing()
        wanted = call.query.get("fields", ["*all"])[0].split(",")
        fields = {k: v for k, v in issue["fields"].items() if k in wanted or wanted == ["*all"]}
        history = {"changelog": issue["changelog"]} if "changelog" in call.query.get("expand", []) else {}
        return Reply(200, {"id": issue["id"], "key": key, "fields": fields, **history})

    def _comment(self, call: Call, key: str) -> Reply:
        if key not in self.issues:
            return _missing()
        body = call.json.get("body")
        if wrong := self._body(body):
            return Reply(400, {"errorMessages": wrong, "errors": {}})
        return Reply(201, self._add_comment(self.issues[key], body, BOT))

    def _attach(self, call: Call, key: str) -> Reply:
        if key not in self.issues:
            return _missing()
        name = re.search(rb'filename="([^"]+)"', call.body)
        if call.headers.get("X-Atlassian-Token") != "no-check" or name is None or b"\x89PNG" not in call.body:
            return Reply(403, {"errorMessages": ["XSRF check failed"], "errors": {}})
        self._serial += 1
        made = {"id": str(self._serial), "filename": name[1].decode(), "size": len(call.body), "mimeType": "image/png"}
        self.issues[key]["fields"]["attachment"].append(made)
        return Reply(200, [made])

    def _transitions(self, call: Call, key: str) -> Reply:
        if key not in self.issues:
            return _missing()
        offered = []
        for number, status in TRANSITIONS.items():
            category, cat_id = CATEGORIES[status]
            to = {"name": status, "statusCategory": {"key": category, "id": cat_id}}
            asked = {"resolution": {"required": True, "name": "Resolution", "schema": {"type": "resolution"}}}
            screen = {**asked["resolution"], "key": "resolution", "operations": ["set"]}
            offered.append(
                {"id": number, "name": f"To {status}", "to": to, "fields": {"resolution": screen} if category == "done" else {}}
            )
        return Reply(200, {"expand": "transitions", "transitions": offered})

    def _move(self, call: Call, key: str) -> Reply:
        if key not in self.issues:
            return _missing()
        status = TRANSITIONS.get(str(call.json["transition"]["id"]))
        if status is None:
            return Reply(
                400, {"errorMessages": ["It seems that you have tried to perform an illegal workflow operation."], "errors": {}}
            )
        resolution = call.json.get("fields", {}).get("resolution", {}).get("name", "")
        if CATEGORIES[status][0] == "done" and resolution not in ("Done", "Won't Do", "Duplicate", "Cannot Reproduce"):
            return Reply(400, {"errorMessages": [], "errors": {"resolution": "Resolution is required."}})
        self._change(self.issues[key], status, BOT, resolution)
        return Reply(204)

    # ------------------------------------------------------------ what changes
    def _body(self, body: Any) -> list[str]:
        if self.cloud:
            if not isinstance(body, dict) or body.get("type") != "doc" or body.get("version") != 1:
                return ["Operation value must be an Atlassian Document (see the Atlassian Document Format)"]
            return jira_spec.problems_of_document(body) if self.judges_documents else []
        return [] if isinstance(body, str) and len(body) <= 32_767 else ["Operation value must be a string"]

    def _person(self, who: Json) -> Json:
        if self.cloud:
            return {k: who[k] for k in ("accountId", "displayName", "emailAddress") if k in who}
        return {k: who[k] for k in ("name", "displayName", "emailAddress") if k in who}

    def _add_comment(self, issue: Json, body: Any, who: Json) -> Json:
        self._serial += 1
        made = {"id": str(self._serial), "author": self._person(who), "body": body, "created": _iso(self.now)}
        issue["fields"]["comment"]["comments"].append(made)
        issue["fields"]["updated"] = _iso(self.now)
        return made

    def _change(self, issue: Json, status: str, who: Json, resolution: str) -> Json:
        fields, (category, cat_id) = issue["fields"], CATEGORIES[status]
        items = [{"field": "status", "fieldtype": "jira", "fromString": fields["status"]["name"], "toString": status}]
        fields["status"] = {"name": status, "statusCategory": {"key": category, "id": cat_id}}
        before = (fields["resolution"] or {}).get("name")
        fields["resolution"] = {"name": resolution} if resolution else None
        if before != (resolution or None):
            items.append({"field": "resolution", "fieldtype": "jira", "fromString": before, "toString": resolution or None})
        self._serial += 1
        made = {"id": str(self._serial), "author": self._person(who), "created": _iso(self.now), "items": items}
        issue["changelog"]["histories"].append(made)
        fields["updated"] = _iso(self.now)
        return made


_FIELDS = {"project", "issuetype", "summary", "description", "labels", "priority", "components"}


def _missing() -> Reply:
    return Reply(404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}})


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
