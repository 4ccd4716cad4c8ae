# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers that follow a script, and the checks that are run against them."""

import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

DRIVER = os.environ.get("CHECK_DRIVER")
DEADLINE_SEC = 30


class Result(NamedTuple):
    outcome: str
    latency_us: int
    text: str


def noted(seen, count):
    """What scripts have noted, as soon as it is as much as this."""
    end = time.monotonic() + DEADLINE_SEC
    while len(seen) < count and time.monotonic() < end:
        time.sleep(0.005)
    return seen


def run(*checks, prefix=()):
    """The results of checks that run at the same time, each a dictionary of the driver's words;
    with `runs` above 1 a list of results. `prefix` is a command that runs the driver."""
    done = subprocess.run([*prefix, DRIVER], input=write_checks(checks), stdout=subprocess.PIPE, text=True,
                          check=True, timeout=DEADLINE_SEC, errors="replace")
    return read_results(checks, done.stdout)


def write_checks(checks):
    """The driver's input."""
    return "".join("\t".join(f"{key}={value}" for key, value in check.items()) + "\n"
                   for check in checks)


def read_results(checks, output):
    results = [[] for _ in checks]
    for line in output.splitlines():
        number, outcome, latency_us, text = line.split("\t", 3)
        results[int(number)].append(Result(outcome, int(latency_us), text))
    return [mine if check.get("runs", 1) > 1 else mine[0]
            for check, mine in zip(checks, results)]


def run_one(**check):
    return run(check)[0]


class Server:
    """Listens on loopback; `script(connection)` serves each connection in a thread of its own.
    What the script raises because the client has gone is no matter."""

    def __init__(self, script, tls=None, address="127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.script, self.tls = script, tls
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.bind((address, 0))
        self.socket.listen(128)
        self.port = self.socket.getsockname()[1]
        self.real = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        self.seen = []      # what scripts noted
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            connection.settimeout(DEADLINE_SEC)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self.open.append(connection)
            self.script(connection)
            connection.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass
        connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for connection in self.open:
            connection.close()


class Datagrams:
    """A UDP server: answers each datagram with what `script(bytes)` returns, None for nothing."""

    def __init__(self, script, address="127.0.0.1"):
        self.script = script
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.port = self.socket.getsockname()[1]
        self.real = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        self.seen = []
        self.over = False
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while not self.over:
            try:
                question, peer = self.socket.recvfrom(65536)
                if self.over:
                    return
                self.seen.append(question)
                answer = self.script(question)
                for datagram in [answer] if isinstance(answer, bytes) else answer or []:
                    self.socket.sendto(datagram, peer)
            except OSError:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over = True
        with socket.socket(self.socket.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.socket.getsockname()[:2])
        self.socket.close()


def silent(connection):
    """Half open: takes the connection and says nothing, also when the client has said all."""
    while connection.recv(4096):
        pass
    threading.Event().wait(DEADLINE_SEC)


def hang_up(_connection):
    """Takes the connection and closes it."""


def says(answer):
    """Says this and closes."""
    def script(connection):
        connection.sendall(answer)
        silent_for_input(connection)
    return script


def silent_for_input(connection):
    """Closing with unread input would reset the connection and lose what was sent."""
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass


def closed_port(kind=socket.SOCK_STREAM):
    """An address nobody listens at."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Certificates:
    """An authority of our own, and servers' contexts with certificates of it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.ca_file = self.path("ca.pem")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", "/CN=test authority", "-keyout", self.path("ca.key"),
                     "-out", self.ca_file, "-days", "2")

    def path(self, name):
        return str(Path(self.folder.name) / name)

    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def issue(self, name, alternative):
        """Files of a key and a certificate for e.g. "DNS:www.example.com"."""
        key, certificate = self.path(f"{name}.key"), self.path(f"{name}.pem")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}",
                     "-CA", self.ca_file, "-CAkey", self.path("ca.key"), "-keyout", key,
                     "-out", certificate, "-days", "2")
        return key, certificate

    def context(self, name, alternative):
        key, certificate = self.issue(name, alternative)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def close(self):
        self.folder.cleanup()
