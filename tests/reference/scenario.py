# SPDX-License-Identifier: GPL-2.0-or-later
"""The language of scenarios: tests/reference/scenarios/NAME holds one, tests/reference/README.md
tells how to write one.

A scenario is text, a step a line. Here text becomes steps; nothing here knows a director.
"""

import itertools
import re
from dataclasses import dataclass, field

from lab import VIP_NETWORK, server_address
from wire import PROTOCOLS, Packet

NAME = re.compile(r"\b(?:(vip)(\d*)|(rs|cl)(\d+))(v[46])?\b(:\d+)?")
MARK = re.compile(r"\bmark(\d+)\b")
CLIENT_NETWORK = {4: "198.51.100.", 6: "2001:db8:100::"}
NEW_CLIENTS = 100           # clients that `arrive` invents have numbers from here on,
NEW_PORTS = 20000           # and ports
PACKET_OPTIONS = {"len": "length", "ttl": "ttl", "tos": "tos", "id": "ident", "df": "df",
                  "sum": "checksum", "call": "call"}


class BadScenario(Exception):
    """The text is no scenario; says where and why."""


@dataclass
class Scenario:
    """One variant of a file: its choices made, its steps as text."""

    name: str
    family: int
    lines: list
    differs: list = field(default_factory=list)     # names of exceptions


class Names:
    """What the words of one run of a scenario stand for: virtual addresses no other run has."""

    def __init__(self, family, new_vip):
        self.family = family
        self.new_vip = new_vip  # new_vip() returns a number not used before
        self.vips = {}
        self.marks = {}
        self.addresses = {"0.0.0.0"}    # of the vips, and marks as templates show them; never empty

    def address(self, kind, number, family):
        if kind == "rs":
            return server_address(family, number)
        if kind == "cl":
            return f"{CLIENT_NETWORK[family]}{9 + number}"
        if number not in self.vips:
            self.vips[number] = self.new_vip()
            self.addresses |= {f"{network}{self.vips[number]}" for network in VIP_NETWORK.values()}
        return f"{VIP_NETWORK[family]}{self.vips[number]}"

    def mark(self, number):
        """A firewall mark nobody else has."""
        if number not in self.marks:
            mark = self.marks[number] = self.new_vip()
            self.addresses |= {f"0.0.0.{mark}", f"0:{mark:x}::"}
        return self.marks[number]

    def own(self):
        """The run's virtual addresses."""
        return self.addresses

    def expand(self, text):
        """The text with addresses for names, as ipvsadm writes them."""
        def one(match):
            kind = match[1] or match[3]
            family = int(match[5][1]) if match[5] else self.family
            address = self.address(kind, int(match[2] or match[4] or 1), family)
            port = match[6] or ""
            return f"[{address}]{port}" if family == 6 and port else address + port
        return MARK.sub(lambda match: f"{self.mark(match[1])}" + " -6" * (self.family == 6),
                        NAME.sub(one, text))

    def endpoint(self, word):
        """(address, port) of NAME:PORT."""
        address, _, port = self.expand(word).rpartition(":")
        return address.strip("[]"), int(port)

    def packet(self, words):
        """The packet of `tcp FROM > TO FLAGS option=value...`, `udp FROM > TO ...` or
        `sctp FROM > TO CHUNKS ...`."""
        protocol, source, arrow, target, *rest = words
        if protocol not in PROTOCOLS or arrow != ">":
            raise BadScenario(f"not a packet: {' '.join(words)}")
        flags = rest.pop(0) if protocol != "udp" else ""
        return Packet(protocol, self.endpoint(source), self.endpoint(target), flags,
                      **packet_options(rest))


def packet_options(words):
    options = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in PACKET_OPTIONS:
            raise BadScenario(f"no such property of a packet: {word}")
        options[PACKET_OPTIONS[name]] = value if name == "call" else int(value)
    return options


def macro(line):
    """The steps a line stands for."""
    words = line.split()
    if words[0] == "open":      # open CLIENT > SERVICE
        flow = " ".join(words[1:])
        return [f"tcp {flow} S", f"answer tcp {words[1]} SA", f"tcp {flow} A"]
    if words[0] == "close":     # close CLIENT > SERVICE by client|server
        flow, first = " ".join(words[1:4]), words[-1]
        client, server = f"tcp {flow} FA", f"answer tcp {words[1]} FA"
        return [client, server, f"tcp {flow} A"] if first == "client" else \
            [server, client, f"answer tcp {words[1]} A"]
    if words[0] == "talk":      # talk CLIENT > SERVICE >CHUNKS <CHUNKS ...
        flow = " ".join(words[1:4])
        return [f"sctp {flow} {word[1:]}" if word[0] == ">" else f"answer sctp {words[1]} {word[1:]}"
                for word in words[4:]]
    return [line]


def is_long(text):
    """Whether it is left out of the core set."""
    return "long" in text.splitlines()


def parse(name, text):
    """The variants of a scenario: every combination of what its `each` lines offer."""
    choices, differs, lines = {}, [], []
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        words = line.split()
        if not words:
            continue
        if words[0] == "each":
            offers = line.split(None, 2)[2]
            choices[words[1]] = [offer.strip() for offer in offers.split("|")] \
                if "|" in offers else offers.split()
        elif words[0] == "differs":
            differs += words[1:]
        elif words == ["long"]:
            continue
        else:
            lines.append(line)
    if not lines:
        raise BadScenario(f"{name}: no step")
    variants = []
    for picks in itertools.product(*choices.values()):
        chosen = dict(zip(choices, picks))
        label = " ".join([name, *picks])
        family = int(chosen.get("family", "v4")[1])
        steps = [replace(line, chosen) for line in lines]
        variants.append(Scenario(label, family, [step for line in steps for step in macro(line)],
                                 differs))
    return variants


def replace(line, chosen):
    for word, value in chosen.items():
        line = line.replace(f"${word}", value)
    if "$" in line:
        raise BadScenario(f"nothing is offered for a word of: {line}")
    return line
