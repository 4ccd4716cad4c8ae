#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client, a director and its servers in network namespaces, in one of two layouts.

    two-armed                               one-armed

    client eth0 ──┐                         client eth0 ────┐
                  ├ clients                                 │
    director eth0 ┘                         director eth0 ──┼ lan
    director eth1 ┐                                         │
    rs1 .. eth0 ──┼ servers                 rs1 .. eth0 ────┘
    client eth1 ──┘

`clients`, `servers` and `lan` are bridges in a namespace of their own, `switch`. Requests enter the
director from 198.51.100.0/24; it reaches the servers in 192.0.2.0/24. The virtual addresses of
203.0.113.0/24 are on the director's lo. What a server sends straight to the client (DR, TUN) goes
to the client's address in the servers' network. IPv6 likewise.

As a command it raises a topology and opens a shell in the director's namespace.
"""

import argparse
import contextlib
import ipaddress
import itertools
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass, replace

import namespace
from director import Director, build_directory
from namespace import Namespace, link
from servers import Server
from xdp import attach_pass

INTERRUPTS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}

serials = itertools.count(1)


@dataclass(frozen=True)
class Family:
    """The addresses of one address family; `bits` is the prefix length of each network."""

    version: int
    client: str      # CIP
    gateway: str     # the director's address among the clients
    dip: str         # ... and among the servers
    direct: str      # the client's address among the servers
    vip: str
    server_base: str
    bits: int

    @property
    def host_bits(self):
        return 32 if self.version == 4 else 128

    def server(self, number):
        return f"{self.server_base}{10 + number}"

    def network(self, address):
        return str(ipaddress.ip_interface(f"{address}/{self.bits}").network)

    def endpoint(self, address, port):
        """address:port as ipvsadm writes and prints it, and as it stands in a URL."""
        return f"{address}:{port}" if self.version == 4 else f"[{address}]:{port}"


V4 = Family(4, "198.51.100.10", "198.51.100.1", "192.0.2.1", "192.0.2.254", "203.0.113.80",
            "192.0.2.", 24)
V6 = Family(6, "2001:db8:100::10", "2001:db8:100::1", "2001:db8:2::1", "2001:db8:2::254",
            "2001:db8:113::80", "2001:db8:2::", 64)
FAMILIES = (V4, V6)


class Topology:
    """Use in a `with` statement: everything is removed at its end, however it ends."""

    def __init__(self, armed="two", servers=3):
        assert armed in ("one", "two")
        self.armed = armed
        self.group = f"t{next(serials)}"
        self.n_servers = servers
        self.namespaces = []
        self.directors = []
        self.servers = []
        self.closers = contextlib.ExitStack()
        self.vip_numbers = {family.version: itertools.count(81) for family in FAMILIES}

    @property
    def director_interfaces(self):
        return ["eth0"] if self.armed == "one" else ["eth0", "eth1"]

    def __enter__(self):
        try:
            for number in INTERRUPTS:
                self.at_end(signal.signal, number, signal.getsignal(number))
                signal.signal(number, signal.default_int_handler)
            namespace.sweep()
            self.directory = self.closers.enter_context(
                tempfile.TemporaryDirectory(prefix=f"{namespace.PREFIX}-{os.getpid()}-"))
            self.at_end(namespace.delete_group, self.group)
            self.make_namespaces()
            self.connect()
            for server in self.servers:
                server.start_nginx()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Runs to its end whatever signal arrives meanwhile."""
        old = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
        try:
            self.closers.close()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, old)

    def at_end(self, closer, *args):
        """Call closer(*args) when the topology ends, before what was there earlier goes."""
        self.closers.callback(closer, *args)

    def add(self, name):
        """A further namespace, not connected to anything."""
        return self.keep(Namespace(self.group, name))

    def keep(self, space):
        self.namespaces.append(space)
        self.at_end(space.close)
        return space

    def attach(self, space, interface, bridge, *addresses):
        """Plug an interface of a namespace into a bridge of the switch."""
        port = f"{space.name}-{interface}"
        link(space, interface, self.switch, port)
        self.switch.ip(f"link set {port} master {bridge}")
        if space in self.directors:
            self.at_end(os.close, attach_pass(self.switch, port))
        space.ip(*(f"address add {address} dev {interface}" for address in addresses))

    def add_bridge(self, name):
        self.switch.ip(f"link add {name} type bridge forward_delay 0 mcast_snooping 0",
                       f"link set {name} up")

    def make_namespaces(self):
        self.switch = self.add("switch")
        self.client = self.add("client")
        self.director = self.add("director")
        self.directors = [self.director]
        for number in range(1, self.n_servers + 1):
            self.servers.append(self.keep(Server(self, number)))

    def connect(self):
        one_armed = self.armed == "one"
        clients, servers = ("lan", "lan") if one_armed else ("clients", "servers")
        for bridge in sorted({clients, servers}):
            self.add_bridge(bridge)

        def on(role):
            return [f"{getattr(family, role)}/{family.bits}" for family in FAMILIES]

        self.attach(self.client, "eth0", clients, *on("client"), *(on("direct") * one_armed))
        self.attach(self.director, "eth0", clients, *on("gateway"), *(on("dip") * one_armed))
        if not one_armed:
            self.attach(self.client, "eth1", servers, *on("direct"))
            self.attach(self.director, "eth1", servers, *on("dip"))
        # One clock towards all VIPs: a server reached by two of them must not find a SYN too old.
        self.client.sysctl("net.ipv4.tcp_timestamps", 2)
        self.director.sysctl("net.ipv4.ip_forward", 1)
        self.director.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.director.sysctl("net.ipv4.conf.all.send_redirects", 0)
        self.director.sysctl("net.ipv4.conf.eth0.send_redirects", 0)
        for server in self.servers:
            addresses = [f"{server.address(family)}/{family.bits}" for family in FAMILIES]
            self.attach(server, "eth0", servers, *addresses)
            server.reply_through_director()
        for family in FAMILIES:
            self.add_vip(family, family.vip)

    def add_vip(self, family, vip):
        self.director.ip(f"address add {vip}/{family.host_bits} dev lo")
        self.client.ip(f"route replace {vip}/{family.host_bits} via {family.gateway}")

    def with_own_vip(self, family):
        """The family with another VIP, which nobody has used."""
        network, _, _ = family.vip.rpartition("80")
        renewed = replace(family, vip=f"{network}{next(self.vip_numbers[family.version])}")
        self.add_vip(family, renewed.vip)
        return renewed


def describe(topology):
    for space in topology.namespaces:
        words = space.run("ip", "-brief", "address").stdout.split()
        addresses = (word for word in words
                     if "/" in word and not word.startswith(("127.", "::1/", "fe80:")))
        print(f"  {space.netns:28} {' '.join(addresses)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one-armed", action="store_true")
    parser.add_argument("--servers", type=int, default=3, metavar="N")
    parser.add_argument("--daemon", action="store_true", help="start xlvsd in the director")
    parser.add_argument("--mode", default="auto", choices=("auto", "native", "generic"))
    parser.add_argument("--hold", action="store_true", help="no shell: stay until interrupted")
    chosen = parser.parse_args()
    programs = os.path.join(build_directory(), "src", "cli")
    try:
        with Topology("one" if chosen.one_armed else "two", chosen.servers) as topology:
            if chosen.daemon:
                Director(topology, mode=chosen.mode).start()
            describe(topology)
            if chosen.hold:
                print("press Ctrl-C to remove them", flush=True)
                signal.pause()
            print("a shell in the director; leaving it removes everything", flush=True)
            signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is the shell's
            subprocess.run(topology.director.command(
                "env", f"PATH={programs}:{os.environ['PATH']}", os.environ.get("SHELL", "sh")))
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
