# SPDX-License-Identifier: GPL-2.0-or-later
"""Two directors that share an address by keepalived, a client and real servers on one LAN:

    client     198.51.100.10, 192.0.2.254 ─┐
    director1  198.51.100.2,  192.0.2.2   ─┤
    director2  198.51.100.3,  192.0.2.3   ─┼ lan
    rs1 ..                    192.0.2.11  ─┘

Whoever is master owns the virtual address 198.51.100.80 and 192.0.2.1, the default gateway of the
servers. keepalived is the distribution's, unmodified, with the preload library.
"""

import contextlib
import itertools
import os
import signal
import socket
import time
from dataclasses import dataclass, replace

from director import Director, program
from load import Load
from namespace import Namespace, stop_process
from servers import Server
from topology import V4, Topology
from wait import until

VIP = "198.51.100.80"
GATEWAY = "192.0.2.1"
FAMILY = replace(V4, vip=VIP, gateway=None, dip=GATEWAY)


@dataclass
class Seat:
    """What a director wants of a topology."""

    director: Namespace
    at_end: object
    director_interfaces = ["eth0"]


class Keepalived:
    """keepalived in a director's namespace; its log lines go to a file."""

    def __init__(self, space, directory, conf, name):
        self.space = space
        self.directory = directory
        self.conf = conf
        self.name = name        # of the lines `@name` in the configuration
        self.process = None
        self.log_path = os.path.join(directory, f"{name}.log")

    def start(self):
        if self.process:
            self.process.wait(10)   # it was told to end
        pids = []
        for option, name in (("-p", "keepalived"), ("-r", "vrrp"), ("-c", "checkers")):
            pids += [option, os.path.join(self.directory, f"{self.name}.{name}.pid")]
            with contextlib.suppress(FileNotFoundError):    # of one that was killed
                os.unlink(pids[-1])
        with open(self.log_path, "a") as log:
            self.process = self.space.start(
                program("xlvs"), "run", "--", "keepalived", "--dont-fork", "--log-console",
                "--log-detail", "-f", self.conf, "--config-id", self.name, *pids, stdout=log,
                stderr=log)
        return self

    def log(self):
        with open(self.log_path) as log:
            return log.read()

    def reload(self):
        """SIGHUP; what has changed in its configuration comes into force soon."""
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        """All its processes at once, without a word: its addresses stay."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def terminate(self):
        """Ask it to stop, and do not wait for it."""
        self.process.terminate()

    def stop(self):
        return stop_process(self.process)


def owns(space, address):
    """Whether an address is local in a namespace."""
    with space.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


class Pair(Topology):
    """Use as a Topology. Directors run; keepalived is the user's to start."""

    family = FAMILY

    def __init__(self, servers=4):
        super().__init__("one", servers)
        self.xlvsds = []

    def make_namespaces(self):
        self.switch = self.add("switch")
        self.client = self.add("client")
        for number in (1, 2):
            self.directors.append(self.add(f"director{number}"))
        for number in range(1, self.n_servers + 1):
            self.servers.append(self.keep(Server(self, number)))

    def connect(self):
        self.add_bridge("lan")
        self.attach(self.client, "eth0", "lan", f"{V4.client}/24", f"{V4.direct}/24")
        for number, space in enumerate(self.directors, 2):
            self.attach(space, "eth0", "lan", f"198.51.100.{number}/24", f"192.0.2.{number}/24")
            # As a network card would: no frames that a switch floods and that are for another's MAC.
            self.switch.run("bridge", "link", "set", "dev", f"{space.name}-eth0", "flood", "off")
            space.sysctl("net.ipv4.ip_forward", 1)
            for scope in ("all", "eth0"):
                space.sysctl(f"net.ipv4.conf.{scope}.send_redirects", 0)
            self.xlvsds.append(Director(Seat(space, self.at_end)).start())
        for server in self.servers:
            self.attach(server, "eth0", "lan", f"{server.address(V4)}/24")
            server.ip(f"route replace 0.0.0.0/0 via {GATEWAY}")

    def keepaliveds(self, conf):
        """keepalived of both directors with one configuration, not yet started."""
        made = [Keepalived(space, self.directory, conf, f"director{number}")
                for number, space in enumerate(self.directors, 1)]
        for keepalived in made:
            self.at_end(lambda it=keepalived: it.process and it.stop())
        return made

    def plug(self, space, state):
        """Pull the director's cable (`down`) or put it back (`up`)."""
        self.switch.ip(f"link set {space.name}-eth0 {state}")

    def master(self):
        """The one director that owns the VIP, or None."""
        owners = [space for space in self.directors if owns(space, VIP)]
        return owners[0] if len(owners) == 1 else None

    def wait_master(self, space, seconds=30):
        """... to be the only one, and the client to know."""
        until(f"{space.name} to be the only master", lambda: self.master() is space, seconds)
        until(f"the client to have learned of {space.name}", lambda: space.mac() in self.client.run(
            "ip", "neighbour", "show", VIP).stdout, seconds)

    def standby(self):
        """The other one."""
        master = self.master()
        return next(space for space in self.directors if space is not master)


def wait_same_weights(pair, seconds=30):
    """Until both directors have the same services, destinations and weights."""
    until("both directors to have the same table",
          lambda: len({daemon.ipvsadm("-Sn") or daemon for daemon in pair.xlvsds}) == 1, seconds)


@dataclass(frozen=True)
class Failover:
    """What an event cost, in milliseconds."""

    moved_ms: float     # until the other director owned the VIP
    gap_ms: float       # the longest time in which no request was answered
    failed: int         # requests


def longest_gap(requests, since):
    """Between two answers, the last before `since` and those after."""
    answered = sorted(request.end for request in requests if not request.error)
    answered = [end for end in answered if end >= since - 0.1]
    return max(later - earlier for earlier, later in itertools.pairwise(answered))


def fail_over(pair, event, threads=4):
    """Requests all the while; event() happens to the master; what came of it. The event is what it
    starts, not what it waits for."""
    standby = pair.standby()
    with Load(pair.client, VIP, threads=threads, timeout=0.1, pause=0.005) as load:
        load.wait_more(200)
        start = time.monotonic()
        event()
        until("the other director to be master", lambda: owns(standby, VIP), 30, every=0.001)
        moved = time.monotonic()
        load.wait_more(400)
    return Failover(1000 * (moved - start), 1000 * longest_gap(load.requests, start),
                    len(load.failed))
