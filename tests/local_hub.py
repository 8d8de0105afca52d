"""A Hub on this machine: the routes that huggingface_hub speaks, for tests.

It keeps repositories, their commits and their large files in a folder, knows users by their
tokens, and can be told to fail: `hub.fail("commit", status=500, times=2)`.
"""

import asyncio
import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import yaml
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from huggingface_hub import constants, hf_api

# Name of a route, for faults → what its method and path look like.
ROUTES = {
    "whoami": r"GET /api/whoami-v2",
    "create": r"POST /api/repos/create",
    "validate": r"POST /api/validate-yaml",
    "list": r"GET /api/models",
    "preupload": r"POST /api/\w+/[^/]+/[^/]+/preupload/.*",
    "batch": r"POST /.*\.git/info/lfs/objects/batch",
    "upload": r"PUT /lfs/.*",
    "commit": r"POST /api/\w+/[^/]+/[^/]+/commit/.*",
    "tree": r"GET /api/\w+/[^/]+/[^/]+/tree/.*",
    "info": r"GET /api/\w+/[^/]+/[^/]+(/revision/.*)?",
    "head": r"HEAD /.*/resolve/.*",
    "download": r"GET /.*/resolve/.*",
}
LARGE = (".safetensors", ".bin", ".jpg")
GIT_ATTRIBUTES = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


@dataclass(frozen=True)
class User:
    """Attributes: the name, the organisations, and what the token may ("read" or "write")."""

    name: str
    orgs: tuple[str, ...] = ()
    role: str = "write"


@dataclass
class Fault:
    """What goes wrong at a route.

    Attributes:
        route: a name in ROUTES.
        status: to answer with; none for another kind of fault.
        headers: of that answer.
        seconds: to wait before answering.
        drop: hang up without an answer.
        truncate: hang up half-way through the answer's body.
        times: how often; then all is well.
        after: how many requests go well first.
    """

    route: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    drop: bool = False
    truncate: bool = False
    times: int = 1_000_000
    after: int = 0

    def strikes(self) -> bool:
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return self.times >= 0


@dataclass(frozen=True)
class Blob:
    """A file at a commit: the hash of its bytes, their number, and how it was uploaded."""

    sha256: str
    git_sha1: str
    size: int
    large: bool

    @property
    def oid(self) -> str:
        return self.sha256 if self.large else self.git_sha1


@dataclass
class Repository:
    """A repository; `commits` is oldest first, each a hash and path → blob."""

    kind: str
    name: str
    private: bool = False
    gated: bool = False
    hardware: str = ""
    admitted: set[str] = field(default_factory=set)
    likes: int = 0
    downloads: int = 0
    commits: list[tuple[str, dict[str, Blob]]] = field(default_factory=list)

    @property
    def files(self) -> dict[str, Blob]:
        return self.commits[-1][1]

    @property
    def head(self) -> str:
        return self.commits[-1][0]


class LocalHub:
    """The Hub: state, and an HTTP server on a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.objects = folder / "objects"
        self.objects.mkdir(parents=True)
        self.users: dict[str, User] = {}
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.tokens_seen: list[str | None] = []
        self.url = ""

    def fail(self, route: str, **what: Any) -> Fault:
        assert route in ROUTES
        fault = Fault(route, **what)
        self.faults.append(fault)
        return fault

    def add(self, name: str, files: Mapping[str, bytes], kind: str = "model", **facts: Any) -> str:
        """Make a repository, or a commit of one; the hash of the commit."""
        repository = self.repositories.get((kind, name))
        if repository is None:
            repository = self.create(kind, name, **facts)
        changes = {path: self.store(data, path.endswith(LARGE)) for path, data in files.items()}
        return self.commit(repository, {**repository.files, **changes})

    def create(self, kind: str, name: str, **facts: Any) -> Repository:
        repository = self.repositories[kind, name] = Repository(kind, name, **facts)
        self.commit(repository, {".gitattributes": self.store(GIT_ATTRIBUTES, False)})
        return repository

    def commit(self, repository: Repository, files: dict[str, Blob]) -> str:
        repository.commits.append((secrets.token_hex(20), files))
        return repository.head

    def store(self, data: bytes, large: bool) -> Blob:
        sha256 = hashlib.sha256(data).hexdigest()
        (self.objects / sha256).write_bytes(data)
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        return Blob(sha256, git, len(data), large)

    def read(self, name: str, path: str, kind: str = "model") -> bytes:
        return (self.objects / self.repositories[kind, name].files[path].sha256).read_bytes()


@contextmanager
def serving(hub: LocalHub) -> Iterator[LocalHub]:
    """Serve a Hub on a free port; sets its `url`."""
    config = uvicorn.Config(
        _faulty(hub, _application(hub)), port=0, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    hub.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield hub
    finally:
        server.should_exit = server.force_exit = True
        thread.join(5)


def settings(hub: LocalHub, home: Path, token: str | None) -> dict[str, str]:
    """The environment of a process that is to use this Hub, with a cache of its own."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_TOKEN": token or "",
    }


def use(hub: LocalHub, home: Path, token: str | None, patch: pytest.MonkeyPatch) -> None:
    """The same in this process, where the Hub's library has read its settings already."""
    cache = home / "hub"
    patch.setattr(constants, "ENDPOINT", hub.url)
    patch.setattr(hf_api.api, "endpoint", hub.url)
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    patch.setattr(constants, "HF_HUB_CACHE", str(cache))
    patch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        patch.delenv(name, raising=False)
    if token:
        patch.setenv("HF_TOKEN", token)


def _faulty(hub: LocalHub, application: FastAPI) -> Any:
    """The application, with its faults."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        line = f"{scope['method']} {scope['path']}"
        hub.requests.append(line)
        headers = {key.lower(): value for key, value in scope["headers"]}
        hub.tokens_seen.append(headers.get(b"authorization", b"").decode() or None)
        route = next((name for name, form in ROUTES.items() if re.fullmatch(form, line)), "")
        fault = next((each for each in hub.faults if each.route == route and each.strikes()), None)
        if fault is None:
            await application(scope, receive, send)
            return
        await asyncio.sleep(fault.seconds)
        transport = send.__self__.transport
        if fault.drop:
            transport.abort()
        elif fault.status is not None:
            while (await receive()).get("more_body"):
                pass
            echo = f"failing, {headers.get(b'authorization', b'').decode()}"
            answer = JSONResponse({"error": echo}, fault.status, headers=dict(fault.headers))
            await answer(scope, receive, send)
        elif fault.truncate:

            async def half(message: Any) -> None:
                body = message.get("body", b"")
                if body:
                    await send({**message, "body": body[: len(body) // 2], "more_body": True})
                    await asyncio.sleep(0.05)
                    transport.close()
                else:
                    await send(message)

            await application(scope, receive, half)
        else:
            await application(scope, receive, send)

    return serve


class RefusalError(Exception):
    """An answer that is an error, with the Hub's code for it."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Code": code} if code else {}
        self.headers["X-Error-Message"] = message or code


def _application(hub: LocalHub) -> FastAPI:
    app = FastAPI()

    @app.exception_handler(RefusalError)
    async def refuse(_: Request, error: RefusalError) -> Response:
        return JSONResponse({"error": str(error)}, error.status, headers=error.headers)

    def visitor(request: Request) -> User | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token and token not in hub.users:
            raise RefusalError(401, message="Invalid credentials in Authorization header")
        return hub.users.get(token)

    def find(request: Request, kind: str, name: str, write: bool = False) -> Repository:
        user = visitor(request)
        repository = hub.repositories.get((kind, name))
        owner = name.partition("/")[0]
        mine = user is not None and owner in (user.name, *user.orgs)
        if repository is None or (repository.private and not mine):
            raise RefusalError(404 if user else 401, "RepoNotFound", "Repository not found")
        if write and not (mine and user and user.role == "write"):
            raise RefusalError(403, message="You don't have the rights to write")
        return repository

    def files_at(repository: Repository, revision: str) -> tuple[str, dict[str, Blob]]:
        if revision == "main":
            return repository.commits[-1]
        for oid, files in repository.commits:
            if oid == revision:
                return oid, files
        raise RefusalError(404, "RevisionNotFound", "Invalid rev id")

    @app.get("/api/whoami-v2")
    def whoami(request: Request) -> Any:
        user = visitor(request)
        if user is None:
            raise RefusalError(401, message="Invalid username or password.")
        return {
            "type": "user",
            "name": user.name,
            "fullname": user.name.title(),
            "avatarUrl": "",
            "orgs": [{"name": name} for name in user.orgs],
            "auth": {"type": "access_token", "accessToken": {"role": user.role}},
        }

    @app.post("/api/repos/create")
    async def create(request: Request) -> Any:
        user, asked = visitor(request), await request.json()
        if user is None:
            raise RefusalError(401, message="Sign in first")
        owner = asked.get("organization") or user.name
        if user.role != "write" or owner not in (user.name, *user.orgs):
            raise RefusalError(
                403, message="You don't have the rights to create a repository there"
            )
        name, kind = f"{owner}/{asked['name']}", asked.get("type", "model")
        url = {"url": f"{hub.url}/{'' if kind == 'model' else kind + 's/'}{name}"}
        if (kind, name) in hub.repositories:
            return JSONResponse({**url, "error": "You already created this repo"}, 409)
        if kind == "space" and asked.get("sdk") != "gradio":
            raise RefusalError(400, message="A Space needs an sdk")
        made = hub.create(kind, name, private=asked.get("visibility") == "private")
        made.hardware = asked.get("hardware", "")
        return url

    @app.delete("/api/repos/delete")
    async def delete(request: Request) -> Any:
        asked = await request.json()
        owner = asked.get("organization")
        user = visitor(request)
        name = f"{owner or (user.name if user else '')}/{asked['name']}"
        kind = asked.get("type", "model")
        find(request, kind, name, write=True)
        del hub.repositories[kind, name]
        return {}

    @app.post("/api/validate-yaml")
    async def validate(request: Request) -> Any:
        try:
            _front_matter((await request.json())["content"])
        except yaml.YAMLError as error:
            return JSONResponse({"errors": [{"message": str(error)}], "warnings": []}, 400)
        return {"errors": [], "warnings": []}

    @app.get("/api/models")
    def models(request: Request) -> Any:
        asked, user = request.query_params, visitor(request)
        names = (user.name, *user.orgs) if user else ()
        found = [
            _info(hub, repository)
            for (kind, name), repository in hub.repositories.items()
            if kind == "model" and (not repository.private or name.partition("/")[0] in names)
        ]
        wanted = set(asked.getlist("filter"))
        text = asked.get("search", "").lower()
        found = [
            each for each in found if wanted <= set(each["tags"]) and text in each["id"].lower()
        ]
        if "author" in asked:
            found = [each for each in found if each["id"].startswith(asked["author"] + "/")]
        if asked.get("sort") in ("likes", "downloads"):
            found.sort(key=lambda each: each[asked["sort"]], reverse=True)
        if asked.get("cardData") is None:
            found = [{**each, "cardData": None} for each in found]
        return found[: int(asked.get("limit", 1000))]

    @app.get("/api/{kinds}/{owner}/{name}")
    @app.get("/api/{kinds}/{owner}/{name}/revision/{revision}")
    def info(request: Request, kinds: str, owner: str, name: str, revision: str = "main") -> Any:
        repository = find(request, kinds.removesuffix("s"), f"{owner}/{name}")
        oid, _ = files_at(repository, revision)
        return {**_info(hub, repository), "sha": oid}

    @app.get("/api/{kinds}/{owner}/{name}/tree/{revision}")
    @app.get("/api/{kinds}/{owner}/{name}/tree/{revision}/{folder:path}")
    def tree(
        request: Request,
        kinds: str,
        owner: str,
        name: str,
        revision: str,
        folder: str = "",
        recursive: bool = False,
    ) -> Any:
        repository = find(request, kinds.removesuffix("s"), f"{owner}/{name}")
        start = f"{folder}/" if folder else ""
        files = {
            path: blob
            for path, blob in files_at(repository, revision)[1].items()
            if path.startswith(start)
        }
        if folder and not files:
            raise RefusalError(404, "EntryNotFound", f"{folder} does not exist")
        rows = [
            {"type": "file", "path": path, "size": blob.size, "oid": blob.git_sha1}
            | (
                {"lfs": {"oid": blob.sha256, "size": blob.size, "pointerSize": 130}}
                if blob.large
                else {}
            )
            for path, blob in files.items()
            if recursive or "/" not in path[len(start) :]
        ]
        inside = {
            start + path[len(start) :].partition("/")[0]
            for path in files
            if "/" in path[len(start) :]
        }
        folders = [{"type": "directory", "path": path, "oid": "0" * 40} for path in sorted(inside)]
        return rows if recursive else [*rows, *folders]

    @app.post("/api/{kinds}/{owner}/{name}/preupload/{revision}")
    async def preupload(request: Request, kinds: str, owner: str, name: str, revision: str) -> Any:
        repository = find(request, kinds.removesuffix("s"), f"{owner}/{name}", write=True)
        files = files_at(repository, revision)[1]
        return {
            "files": [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if each["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                    "oid": files[each["path"]].oid if each["path"] in files else None,
                }
                for each in (await request.json())["files"]
            ]
        }

    @app.post("/{owner}/{name}.git/info/lfs/objects/batch")
    @app.post("/{kinds}/{owner}/{name}.git/info/lfs/objects/batch")
    async def batch(request: Request, owner: str, name: str, kinds: str = "models") -> Any:
        find(request, kinds.removesuffix("s"), f"{owner}/{name}", write=True)
        objects = []
        for each in (await request.json())["objects"]:
            row = {"oid": each["oid"], "size": each["size"]}
            if not (hub.objects / each["oid"]).is_file():
                row["actions"] = {"upload": {"href": f"{hub.url}/lfs/{each['oid']}"}}
            objects.append(row)
        return {"transfer": "basic", "objects": objects}

    @app.put("/lfs/{oid}")
    async def upload(request: Request, oid: str) -> Any:
        data = await request.body()
        if hashlib.sha256(data).hexdigest() != oid:
            raise RefusalError(400, message="The bytes have another hash")
        hub.store(data, True)
        return {}

    @app.post("/api/{kinds}/{owner}/{name}/commit/{revision}")
    async def commit(request: Request, kinds: str, owner: str, name: str, revision: str) -> Any:
        repository = find(request, kinds.removesuffix("s"), f"{owner}/{name}", write=True)
        assert revision == "main"
        files = dict(repository.files)
        for line in (await request.body()).splitlines():
            row = json.loads(line)
            value = row["value"]
            if row["key"] == "header":
                parent = value.get("parentCommit")
                if parent and parent != repository.head:
                    raise RefusalError(412, message="The branch has moved on")
            elif row["key"] == "file":
                files[value["path"]] = hub.store(base64.b64decode(value["content"]), False)
            elif row["key"] == "lfsFile":
                if not (hub.objects / value["oid"]).is_file():
                    raise RefusalError(400, message="A large file was not uploaded")
                data = (hub.objects / value["oid"]).read_bytes()
                files[value["path"]] = hub.store(data, True)
            elif row["key"] == "deletedFile":
                files.pop(value["path"], None)
        oid = hub.commit(repository, files)
        return {"commitUrl": f"{hub.url}/{owner}/{name}/commit/{oid}", "commitOid": oid}

    @app.api_route("/{owner}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
    @app.api_route(
        "/{kinds}/{owner}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"]
    )
    def resolve(
        request: Request, owner: str, name: str, revision: str, path: str, kinds: str = "models"
    ) -> Any:
        repository = find(request, kinds.removesuffix("s"), f"{owner}/{name}")
        user = visitor(request)
        if repository.gated and (user is None or user.name not in repository.admitted):
            raise RefusalError(403 if user else 401, "GatedRepo", "Access is restricted")
        oid, files = files_at(repository, revision)
        if path not in files:
            raise RefusalError(404, "EntryNotFound", "Entry not found")
        blob = files[path]
        headers = {"ETag": f'"{blob.oid}"', "X-Repo-Commit": oid}
        return FileResponse(hub.objects / blob.sha256, headers=headers)

    return app


def _info(hub: LocalHub, repository: Repository) -> dict[str, Any]:
    card: dict[str, Any] = {}
    if "README.md" in repository.files:
        readme = (hub.objects / repository.files["README.md"].sha256).read_text(encoding="utf-8")
        card = _front_matter(readme)
    tags = list(card.get("tags") or [])
    tags += [card[key] for key in ("library_name", "pipeline_tag") if card.get(key)]
    tags += [f"license:{card['license']}"] if card.get("license") else []
    return {
        "_id": repository.name,
        "id": repository.name,
        "modelId": repository.name,
        "sha": repository.head,
        "private": repository.private,
        "gated": "manual" if repository.gated else False,
        "tags": sorted(set(tags)),
        "pipeline_tag": card.get("pipeline_tag"),
        "library_name": card.get("library_name"),
        "cardData": card,
        "likes": repository.likes,
        "downloads": repository.downloads,
        "siblings": [{"rfilename": path} for path in repository.files],
    }


def _front_matter(readme: str) -> dict[str, Any]:
    match = re.match(r"---\r?\n(.*?)\r?\n---", readme, re.DOTALL)
    found = yaml.safe_load(match[1]) if match else None
    return found if isinstance(found, dict) else {}
