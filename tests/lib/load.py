# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP and UDP clients in a namespace: fetches, sessions, and a load that notes each request."""

import itertools
import socket
import threading
import time
from dataclasses import dataclass

from wait import until

# A load's ports, each used once in a long while: to a director, one client that used a port again
# would be the same connection again. Clients that leave the choice to the kernel get others.
ports = itertools.cycle(range(1024, 32768))


def curl(space, *words, seconds=20):
    """curl in a namespace; returns the lines of its output. Fails when any transfer fails."""
    return space.run("curl", "--silent", "--show-error", "--fail-early", "--max-time", seconds,
                     *words, timeout=seconds + 10).stdout.splitlines()


def fetch(space, family, count, port=80, vip=None):
    """Who answered `count` requests, one after the other, each over a connection of its own."""
    url = f"http://{family.endpoint(vip or family.vip, port)}/"
    return curl(space, "-H", "Connection: close", *[url] * count)


@dataclass(frozen=True)
class Request:
    start: float
    end: float
    server: str     # "" when it failed
    error: str


class Load:
    """Threads that fetch / from an address, each request over a connection of its own.

    In a `with` statement: the load runs inside it. `requests` holds what is finished. Who captures
    frames meanwhile asks for a pause: the threads share one interpreter with the capture.
    """

    def __init__(self, space, address, port=80, threads=4, timeout=5.0, pause=0.0):
        self.space = space
        self.address = address
        self.port = port
        self.timeout = timeout
        self.pause = pause
        self.requests = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    @property
    def failed(self):
        return [request for request in self.requests if request.error]

    def wait_more(self, count, seconds=20):
        """Until that many further requests are finished."""
        wanted = len(self.requests) + count
        until(f"{count} more requests", lambda: len(self.requests) >= wanted, seconds)

    def work(self):
        self.space.enter()
        while not self.over.wait(self.pause):
            start = time.monotonic()
            server, error = "", ""
            try:
                server = request(self.address, self.port, self.timeout)
            except OSError as failure:
                error = str(failure) or type(failure).__name__
            self.requests.append(Request(start, time.monotonic(), server, error))


def request(address, port, timeout):
    """One request over a connection of its own, in the calling thread's namespace."""
    with socket.create_connection((address, port), timeout, ("", next(ports))) as stream:
        stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return body(read_all(stream))


def read_all(stream):
    return b"".join(iter(lambda: stream.recv(65536), b""))


def body(answer):
    head, separator, text = answer.partition(b"\r\n\r\n")
    if not separator or b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise ConnectionError(f"not an answer: {answer[:60]!r}")
    return text.decode().strip()


class Session:
    """One HTTP connection that stays open."""

    def __init__(self, space, family, vip=None, port=80, timeout=5.0):
        version = socket.AF_INET if family.version == 4 else socket.AF_INET6
        self.stream = space.socket(version, socket.SOCK_STREAM)
        self.stream.settimeout(timeout)
        self.stream.connect((vip or family.vip, port))
        self.source = family.endpoint(*self.stream.getsockname()[:2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def send(self):
        self.stream.sendall(b"GET / HTTP/1.1\r\nHost: xlvs\r\n\r\n")

    def receive(self):
        """Who answered."""
        answer = b""
        while not answer.endswith(b"\n") or b"\r\n\r\n" not in answer:
            data = self.stream.recv(65536)
            if not data:
                raise ConnectionError("closed by the server")
            answer += data
        return body(answer)

    def get(self):
        self.send()
        return self.receive()

    def finish(self):
        """Close both directions; when it returns the client has sent its last packet."""
        self.stream.shutdown(socket.SHUT_WR)
        return read_all(self.stream)


tags = itertools.count(1)


def echo(space, family, count=1, port=7, vip=None, timeout=2.0, sock=None):
    """Who answered `count` datagrams, each from a socket of its own unless one is given."""
    version = socket.AF_INET if family.version == 4 else socket.AF_INET6
    names = []
    for _ in range(count):
        used = sock or space.socket(version, socket.SOCK_DGRAM)
        try:
            used.settimeout(timeout)
            used.connect((vip or family.vip, port))
            sent = b"datagram %d" % next(tags)
            used.send(sent)
            name, _, text = used.recv(65536).partition(b":")
            assert text == sent, f"sent {sent!r}, received {text!r}"
            names.append(name.decode())
        finally:
            if not sock:
                used.close()
    return names
