# SPDX-License-Identifier: MIT
"""Parts that the tests of the artifacts share."""

from __future__ import annotations

import hashlib
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.download import Downloader
from testbed.artifacts.mirrors import Mirrors
from testbed.artifacts.packages import Package
from testbed.artifacts.progress import Step
from testbed.artifacts.targets import Workshop


class Steps:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[str] = []
        self.parts: list[float] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        self.steps.append(title)
        yield self

    def expect(self, size: int) -> None:
        pass

    def reach(self, size: int) -> None:
        pass

    def complete(self, part: float) -> None:
        self.parts.append(part)

    def note(self, line: str) -> None:
        self.notes.append(line)


def make_package(path: str, content: bytes, archive: str = "main") -> Package:
    name = path.rsplit("/", 1)[-1].split("_")[0]
    digest = hashlib.sha256(content).hexdigest()
    return Package(name, "1:1.0+b1", "arm64", archive, path, len(content), digest)


def some_package(random: Random, name: str = "some", size: int = 20_000) -> tuple[Package, bytes]:
    content = random.randbytes(size)
    return make_package(f"pool/main/s/{name}_1.0+b1_arm64.deb", content), content


class Archive:
    """An archive on the loopback interface. `cut_after` ends each answer after so many bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.cut_after: int | None = None
        archive = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                archive.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.requests.append((request.path, request.headers.get("Range")))
        content = self.files.get(request.path)
        if content is None:
            request.send_error(404, "Not Found")
            return
        start = 0
        wanted = request.headers.get("Range")
        if wanted is not None and request.headers.get("If-Range") == _DATE:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - start))
        request.send_header("Last-Modified", _DATE)
        request.end_headers()
        end = len(content) if self.cut_after is None else start + self.cut_after
        request.wfile.write(content[start:end])
        request.close_connection = request.close_connection or end < len(content)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def make_workshop(cache: Cache, progress: Steps, site: str = "http://archive.invalid") -> Workshop:
    """A workshop that fetches from `site`, without its messages on the terminal."""
    commands = Commands()
    mirrors = Mirrors(main=site, security=None, suites=())
    downloader = Downloader(cache, lambda: mirrors, commands, progress)
    return Workshop(cache, commands, downloader, progress)


_DATE = "Sun, 01 Jun 2025 00:00:00 GMT"


def tree(folder: Path) -> list[str]:
    """Everything below `folder`, for comparison."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def has_ended(process: int) -> bool:
    """Whether a process is gone, or only waits for its parent to notice."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the latter if it went since it was opened
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


CpioEntry = tuple[int, bytes, tuple[int, int]]


def read_newc(archive: bytes) -> dict[str, CpioEntry]:
    """Mode, content and device of every entry; checks what the kernel's unpacker relies on."""
    entries: dict[str, CpioEntry] = {}
    inodes = set()
    offset = 0
    while True:
        assert offset % 4 == 0
        assert archive[offset : offset + 6] == b"070701"
        fields = [int(archive[offset + 6 + 8 * n : offset + 14 + 8 * n], 16) for n in range(13)]
        inode, mode, uid, gid, _, mtime, size, _, _, major, minor, name_size, check = fields
        start = offset + 110
        name = archive[start : start + name_size]
        assert name.endswith(b"\0")
        start = (start + name_size + 3) // 4 * 4
        content = archive[start : start + size]
        assert len(content) == size
        offset = (start + size + 3) // 4 * 4
        if name == b"TRAILER!!!\0":
            assert archive[offset:].strip(b"\0") == b""
            return entries
        assert (uid, gid, mtime, check) == (0, 0, 0, 0)
        assert inode not in inodes
        inodes.add(inode)
        path = name[:-1].decode()
        parent = path.rpartition("/")[0]
        assert not parent or stat.S_ISDIR(entries[parent][0]), f"{path} comes before its folder"
        entries[path] = (mode, content, (major, minor))
