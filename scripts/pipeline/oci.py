"""What the pipeline asks of a registry: the API of the OCI distribution specification, by curl.

Nothing secret is in an argument: curl is told all by its standard input.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Callable

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
NAME = re.compile(r"(?P<host>[a-z0-9.-]+(:[0-9]{1,5})?)/(?P<name>[a-z0-9]+([._/-]+[a-z0-9]+)*)")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Refused(Exception):
    """One sentence that says what happened."""


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def descriptor(media_type: str, content: bytes, **more: object) -> dict:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content), **more}


def is_loopback(host: str) -> bool:
    return host.rsplit(":", 1)[0] in ("localhost", "127.0.0.1")


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


def curl(method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
    """Asks once. It follows where a registry keeps blobs elsewhere, and curl takes no authorization there."""
    with tempfile.TemporaryDirectory() as folder:
        there = pathlib.Path(folder)
        options = {
            "url": url,
            "output": there / "body",
            "dump-header": there / "headers",
            "write-out": "%{http_code}",
            "connect-timeout": 15,
            "max-time": 300,
            "proto": "=http,https",
            "proto-redir": "=https",
            "max-redirs": 5,
        }
        if is_loopback(urllib.parse.urlsplit(url).netloc):
            options["noproxy"] = "*"
        flags = ["silent", "show-error"]
        if method == "HEAD":
            flags.append("head")
        else:
            options["request"] = method
        if method == "GET":
            flags.append("location")
        if body is not None:
            (there / "sent").write_bytes(body)
            options["data-binary"] = f"@{there / 'sent'}"
        lines = flags + [f"{name} = {quoted(value)}" for name, value in options.items()]
        lines += [f"header = {quoted(f'{name}: {value}')}" for name, value in headers.items()]
        asked = subprocess.run(
            ["curl", "--disable", "--config", "-"],
            input="\n".join(lines).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")},
        )
        if asked.returncode:
            raise Refused(f"{method} {bare(url)} was not answered: {asked.stderr.decode(errors='replace').strip()}")
        answered = (there / "body").read_bytes() if (there / "body").exists() and method != "HEAD" else b""
        return Answer(int(asked.stdout), last_headers((there / "headers").read_text(errors="replace")), answered)


def quoted(value: object) -> str:
    text = str(value)
    if "\n" in text or "\r" in text:
        raise Refused("a line break stands in what is to be asked of the registry")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def bare(url: str) -> str:
    """Without what it asks: there may be a secret in it."""
    return url.split("?")[0]


def last_headers(text: str) -> dict[str, str]:
    """Of the last answer, where others came before it (100 Continue, a redirect)."""
    last = [block for block in re.split(r"\r?\n\r?\n", text) if block.strip()][-1]
    pairs = (line.partition(":") for line in last.splitlines()[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


class Registry:
    """A repository in a registry. On loopback it is asked without TLS, as Docker does it."""

    def __init__(self, repository: str) -> None:
        # What a forge writes in capitals a registry does not.
        found = NAME.fullmatch(repository.lower())
        if not found:
            raise Refused(f"{repository!r} is no repository in a registry, like registry.example.com/keyward/release")
        self.host, self.name = found["host"], found["name"]
        self.base = f"{'http' if is_loopback(self.host) else 'https'}://{self.host}"
        self.authorization: str | None = None

    def ask(self, method: str, url: str, expected: tuple[int, ...], headers: dict[str, str] | None = None, body: bytes | None = None) -> Answer:
        answer = self.send(method, url, headers, body)
        if answer.status == 401 and self.authorization is None:
            self.sign_in(answer.headers.get("www-authenticate", ""))
            answer = self.send(method, url, headers, body)
        if answer.status not in expected:
            said = answer.body.decode(errors="replace").strip()
            raise Refused(f"{method} {bare(url)} was answered by {answer.status}: {said[:500] or 'nothing else was said'}")
        return answer

    def send(self, method: str, url: str, headers: dict[str, str] | None, body: bytes | None) -> Answer:
        url = urllib.parse.urljoin(f"{self.base}/", url)
        sent = dict(headers or {})
        # Whoever it is that a registry sends us to for an upload is told nothing.
        if self.authorization is not None and url.startswith(f"{self.base}/"):
            sent["Authorization"] = self.authorization
        return curl(method, url, sent, body)

    def sign_in(self, challenge: str) -> None:
        user, password = os.environ.get("REGISTRY_USER", ""), os.environ.get("REGISTRY_PASSWORD", "")
        if not password:
            raise Refused(f"{self.host} wants to know who asks: set REGISTRY_USER and REGISTRY_PASSWORD")
        basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            self.authorization = basic
            return
        given = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        realm = urllib.parse.urlsplit(given.get("realm", ""))
        if scheme.lower() != "bearer" or not (realm.scheme == "https" or (realm.scheme == "http" and is_loopback(realm.netloc))):
            raise Refused(f"{self.host} asks to be signed in to in a way that is not known here: {challenge!r}")
        wanted = {"service": given.get("service", self.host), "scope": f"repository:{self.name}:pull,push"}
        answer = curl("GET", f"{given['realm']}?{urllib.parse.urlencode(wanted)}", {"Authorization": basic})
        if answer.status != 200:
            raise Refused(f"{bare(given['realm'])} lets {user!r} in by no token (it answered {answer.status}): is the password right?")
        told = json.loads(answer.body)
        self.authorization = f"Bearer {told.get('token') or told['access_token']}"

    def upload(self, content: bytes) -> None:
        """A blob, unless it is there."""
        wanted = digest(content)
        if self.ask("HEAD", f"/v2/{self.name}/blobs/{wanted}", (200, 404)).status == 200:
            return
        begun = self.ask("POST", f"/v2/{self.name}/blobs/uploads/", (202,), body=b"")
        place = begun.headers["location"]
        place += ("&" if "?" in place else "?") + urllib.parse.urlencode({"digest": wanted})
        self.ask("PUT", place, (201,), {"Content-Type": "application/octet-stream"}, content)

    def put(self, reference: str, document: dict) -> str:
        """A manifest, under a tag or its digest; gives the digest."""
        content = json.dumps(document, indent=2).encode()
        wanted = digest(content)
        answer = self.ask("PUT", f"/v2/{self.name}/manifests/{reference or wanted}", (201,), {"Content-Type": document["mediaType"]}, content)
        told = answer.headers.get("docker-content-digest", wanted)
        if told != wanted:
            raise Refused(f"{self.host} says that it keeps {told}, and it was given {wanted}")
        return wanted

    def manifest(self, wanted: str) -> bytes:
        accepted = f"{MANIFEST}, {DOCKER_MANIFEST}, {INDEX}"
        return self.checked(wanted, self.ask("GET", f"/v2/{self.name}/manifests/{wanted}", (200,), {"Accept": accepted}).body)

    def blob(self, wanted: str) -> bytes:
        return self.checked(wanted, self.ask("GET", f"/v2/{self.name}/blobs/{wanted}", (200,)).body)

    def checked(self, wanted: str, content: bytes) -> bytes:
        if digest(content) != wanted:
            raise Refused(f"{self.host} gave {digest(content)} in the place of {wanted}")
        return content


def run(main: Callable[[], None]) -> None:
    """A script's whole: it ends with one line, and no trace, where a registry refuses."""
    try:
        main()
    except (Refused, OSError) as error:
        sys.exit(f"scripts/pipeline/{pathlib.Path(sys.argv[0]).name}: {error}")
