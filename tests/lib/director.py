# SPDX-License-Identifier: GPL-2.0-or-later
"""The director under test: its daemon, its commands, and what they print, as data."""

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
from dataclasses import dataclass

from namespace import CommandFailed, stop_process
from wait import until

METHOD_OPTION = {"nat": "-m", "dr": "-g", "tun": "-i", "fullnat": "-b"}
METHOD_WORD = {"nat": "Masq", "dr": "Route", "tun": "Tunnel", "fullnat": "FullNat"}


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build_directory():
    """Where the programs under test were built: $XLVS_BUILD, else build/ in the source tree."""
    return os.path.abspath(os.environ.get("XLVS_BUILD") or os.path.join(ROOT, "build"))


def program(name):
    """The path of one of our programs."""
    folder = {"xlvsd": "daemon", "xlvs-ldirectord": "monitor"}.get(name, "cli")
    return os.path.join(build_directory(), "src", folder, name)


@dataclass(frozen=True)
class Counters:
    conns: int
    in_packets: int
    out_packets: int
    in_bytes: int
    out_bytes: int


@dataclass(frozen=True)
class Destination:
    forward: str
    weight: int
    active: int
    inactive: int


@dataclass(frozen=True)
class Connection:
    protocol: str
    seconds: int
    state: str
    source: str
    virtual: str
    destination: str


class Director:
    """xlvsd in a topology's director namespace. The topology's end stops it."""

    def __init__(self, topology, mode="auto", connections=1 << 16):
        self.namespace = topology.director
        self.words = [program("xlvsd"),
                      *(word for interface in topology.director_interfaces
                        for word in ("-i", interface)),
                      "--mode", mode, "--connections", str(connections)]
        self.daemon = None
        self.log = []
        self.ready = False
        self.drops_before = {}  # for who wants to compare
        topology.at_end(self.close)

    # The daemon.

    def start(self, wait=True, seconds=30):
        self.ready, self.has_news = False, threading.Event()
        self.daemon = self.namespace.start(*self.words, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read_log, args=(self.daemon,), daemon=True)
        self.reader.start()
        if wait:
            self.wait_ready(seconds)
        return self

    def read_log(self, daemon):
        for line in daemon.stderr:
            self.log.append(line.rstrip("\n"))
            if line.rstrip().endswith("ready"):
                self.ready = True
                self.has_news.set()
        self.has_news.set()  # it has ended

    @property
    def runs(self):
        return self.daemon is not None and self.daemon.poll() is None

    def wait_ready(self, seconds=30):
        self.has_news.wait(seconds)
        if not self.ready:
            raise CommandFailed("xlvsd is not ready:\n" + "\n".join(self.log))

    def kill(self):
        """kill -9: what has been forwarded goes on being forwarded."""
        self.daemon.kill()
        self.daemon.wait()
        self.reader.join()

    def stop(self):
        """A clean shutdown: the daemon takes the data path with it."""
        status = stop_process(self.daemon)
        self.reader.join()
        return status

    def close(self):
        """Leave nothing behind, pinned maps of a killed daemon included."""
        if self.daemon is None:
            return
        if self.daemon.poll() is not None and self.daemon.returncode < 0:
            self.start()
        self.stop()

    # Its commands.

    def ipvsadm(self, *words, **options):
        """Words separately or, for readability, as one string."""
        words = words[0].split() if len(words) == 1 else words
        return self.namespace.run(program("ipvsadm"), *words, **options).stdout

    def xlvs(self, *words, **options):
        return self.namespace.run(program("xlvs"), *words, **options).stdout

    def add_service(self, family, method, servers, port=80, scheduler="rr", protocol="t",
                    dest_port=None, vip=None, reachable=True, words=""):
        """A service of the VIP with these servers, which are made ready for the method. Returns
        when they can be reached: what comes earlier is dropped by name."""
        service = family.endpoint(vip or family.vip, port)
        with self.reaching() if reachable else contextlib.nullcontext():
            self.ipvsadm(f"-A -{protocol} {service} -s {scheduler}")
            for server in servers:
                server.prepare(method, family, vip)
                self.add_dest(service, family, server, method, dest_port or port, protocol, words)
            if reachable:
                self.resolve(family, family.client)
        return service

    @contextlib.contextmanager
    def reaching(self):
        """Returns when the destinations that were added inside can be reached. Connections of
        earlier tests may still hold some that cannot."""
        unknown = self.unknown_neighbours()
        yield
        until("the neighbours", lambda: self.unknown_neighbours() <= unknown)

    def resolve(self, family, address):
        """Until the director's host knows the neighbour: it asks for a port nobody serves."""
        version = socket.AF_INET if family.version == 4 else socket.AF_INET6
        with self.namespace.socket(version, socket.SOCK_STREAM) as sock:
            sock.settimeout(5)
            sock.connect_ex((address, 9))

    def add_dest(self, service, family, server, method, port, protocol="t", words=""):
        dest = family.endpoint(server.address(family), port)
        self.ipvsadm(f"-a -{protocol} {service} -r {dest} {METHOD_OPTION[method]} {words}")
        return dest

    def unknown_neighbours(self):
        dests = json.loads(self.xlvs("status", "--json"))["destinations"]
        return dests["addresses"] - dests["addresses_resolved"]

    # What they print.

    def rows(self, *words):
        """(service, words after its name) and (destination, ...) of a listing, in its order."""
        found = []
        for line in self.ipvsadm("-L", "-n", *words).splitlines():
            columns = line.split()
            if re.match(r"(TCP|UDP|SCTP) +\S*\d", line):
                found.append((columns[1], None, columns[2:]))
            elif re.match(r"  -> \S*\d", line):
                found.append((found[-1][0], columns[1], columns[2:]))
        return found

    def stats(self):
        """{(service, destination)} of --stats; the service's own line has destination None."""
        return {(service, dest): Counters(*map(int, columns))
                for service, dest, columns in self.rows("--stats", "--exact")}

    def destinations(self, service):
        return {dest: Destination(columns[0], *map(int, columns[1:]))
                for its_service, dest, columns in self.rows() if its_service == service and dest}

    def drops(self):
        """{name: count} of the reasons to drop a packet and of what else is worth a number."""
        shown = json.loads(self.xlvs("drops", "--json"))
        return {row["name"]: row["count"] for row in shown["drops"] + shown["events"]}

    def connections(self, service=None):
        """All connections or those to a service, in the listing's order."""
        found = []
        for line in self.ipvsadm("-Lnc").splitlines()[2:]:
            protocol, expire, state, source, virtual, destination = line.split()[:6]
            minutes, seconds = map(int, expire.split(":"))
            if service in (None, virtual):
                found.append(Connection(protocol, 60 * minutes + seconds, state, source, virtual,
                                        destination))
        return found
