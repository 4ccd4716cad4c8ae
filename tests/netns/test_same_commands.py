# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's ipvsadm with the preload library and our own, asked the same random commands, print the
same, end alike and leave the same state.

$XLVS_SEED makes other commands of another seed, $XLVS_COMMANDS more of them.
"""

import json
import os
import random
import re

from director import ROOT, program
from forwarding import two_armed

pytestmark = two_armed

THEIRS = "/usr/sbin/ipvsadm"
RUNNER = os.path.join(ROOT, "tests", "lib", "run_commands.py")
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "sed", "nq", "fo", "ovf", "dh", "lblc", "lblcr", "none",
              "nosuch", "sh -b sh-port", "sh -b sh-fallback,sh-port", "mh -b mh-fallback", "mh")
PERSISTENCE = ("-p", "-p 50", "-p 0", "-p 2678400", "-p 2678401", "-p 300 -M 255.255.0.0", "-p -M 64",
               "-M 0.0.0.0", "-p 60 -M 129")
TUNNELS = ("-i", "-i --tun-type gre", "-i --tun-type gre --tun-csum", "-i --tun-type gue",
           "-i --tun-type gue --tun-port 6080", "-i --tun-type gue --tun-port 6080 --tun-csum",
           "-i --tun-type ipip --tun-csum", "-m --tun-type gre")
LISTINGS = ("", "--stats", "--rate", "--thresholds", "--persistent-conn", "--tun-info", "--exact",
            "--timeout", "--daemon", "-c", "--stats --exact", "--timeout --stats", "-c --rate")
BROKEN = ("-A", "-a -t 203.0.113.1:80", "-D -t 203.0.113.1", "-A -t 203.0.113.1:80 -A", "-J",
          "-A -t 203.0.113.1:99999", "-A -t nonsense", "-t 203.0.113.1:80 -A", "-L -d", "stray",
          "-A -t 203.0.113.1:80 stray", "--set 1 2", "--set 1 2 x", "-C -n", "-E -f 0", "-E -f x",
          "-a -t 203.0.113.1:80 -r 192.0.2.1:80 -g -m", "-d -t 203.0.113.1:80 -r 192.0.2.1 -w 1",
          "-e -t 203.0.113.1:80 -r 192.0.2.1 -w -1", "-A -t 203.0.113.1:0", "--start-daemon x",
          "-A -t 203.0.113.1:80 -o", "-a -t 203.0.113.1:80 -r 192.0.2.1:1 --tun-type gue",
          "-A -t 203.0.113.1:80 -s sh -b mh-port", "-A -u [2001:db8::1]:80 -M 200",
          "-a -t [2001:db8::1]:80 -r 192.0.2.1:80", "-S -w 1", "-R -n", "--stop-daemon",
          "-a -t 203.0.113.1:80 -r 255.255.255.255:1", "-a -t 203.0.113.1:80 -r 224.0.0.1:1 -m",
          "-a -t 203.0.113.1:80 -r 192.0.2.1 -y 20", "-6 -A -f 1", "-A -f 2 -6 -s rr -p 0")
# Where ipvsadm blames IPv6 ours prints what the director says it refuses.
WITHOUT_TEXT = "Operation not supported with IPv6\n"


class Commands:
    """A user with a small world: the same services and servers come up again and again."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def service(self):
        pick = self.random.choice
        kind = self.random.random()
        if kind < 0.7:
            return f"-{pick('ttu')} 203.0.113.{pick('123')}:{pick((80, 81, 443))}"
        if kind < 0.9:
            return f"-{pick('tu')} [2001:db8::{pick('12')}]:{pick((80, 443))}"
        return f"-f {pick('12')}{pick(('', ' -6'))}"

    def maybe(self, chance, words):
        return f" {words}" if self.random.random() < chance else ""

    def server(self, service):
        pick = self.random.choice
        port = pick(("", ":80", ":8080"))
        is_ipv6 = ("[" in service or "-6" in service) != (self.random.random() < 0.05)
        if not is_ipv6:
            return f"-r 192.0.2.{self.random.randint(11, 15)}{port}"
        return f"-r [2001:db8:2::{self.random.randint(11, 15)}]{port or ':80'}"

    def values(self):
        pick = self.random.choice
        return (self.maybe(0.8, pick(("-m", "-g", *TUNNELS))) +
                self.maybe(0.7, f"-w {pick((0, 1, 5, 100, 65535))}") +
                self.maybe(0.3, f"-x {pick((0, 10, 2147483647))}") +
                self.maybe(0.2, f"-y {pick((0, 5, 20, 2147483648))}"))

    def change(self):
        pick = self.random.choice
        service = self.service()
        verb = pick("AAAEEDaaaaaaeeeddZ")
        if verb in "AE":
            return (f"-{verb} {service}" + self.maybe(0.8, f"-s {pick(SCHEDULERS)}") +
                    self.maybe(0.3, pick(PERSISTENCE)) + self.maybe(0.1, "-o"))
        if verb in "DZ":
            return f"-{verb} {service}"
        return f"-{verb} {service} {self.server(service)}" + (self.values() if verb != "d" else "")

    def one(self):
        """(words, input) of the next command."""
        pick = self.random.choice
        kind = self.random.random()
        if kind < 0.7:
            return self.change(), ""
        if kind < 0.8:
            return f"-L -n {pick(LISTINGS)}" + self.maybe(0.2, self.service()), ""
        if kind < 0.87:
            return pick(BROKEN), ""
        if kind < 0.91:
            return "-S -n", ""
        if kind < 0.95:
            return "--set " + " ".join(str(pick((0, 30, 900, 2678400, 2678401)))
                                       for _ in range(3)), ""
        if kind < 0.98:
            return "-R", "".join(self.change() + "\n" for _ in range(self.random.randint(1, 8)))
        return pick(("-Z", "-C")), ""

    def many(self, count):
        return [[words.split(), given] for words, given in (self.one() for _ in range(count))]


def results(director, commands, *words):
    director.ipvsadm("-C")
    director.ipvsadm("--set 900 120 300")
    done = director.namespace.run(*words, stdin=json.dumps(commands), timeout=300)
    state = "".join(director.ipvsadm(words) for words in
                    ("-S -n", "-L -n --thresholds", "-L --timeout"))
    return json.loads(done.stdout), state


def without_connections(outcome):
    """Those that other tests have left grow older between the two runs."""
    status, text, errors = outcome
    return [status, re.sub(r"^\S+ +\d\d:\d\d .*\n", "", text, flags=re.M), errors]


def alike(mine, theirs):
    mine, theirs = without_connections(mine), without_connections(theirs)
    if theirs[2].endswith(WITHOUT_TEXT):
        return mine[:2] == theirs[:2] and mine[2]
    return mine == theirs


def test_the_same_commands_have_the_same_outcome(director):
    seed = int(os.environ.get("XLVS_SEED") or 1)
    commands = Commands(seed).many(int(os.environ.get("XLVS_COMMANDS") or 1000))
    run = ("/usr/bin/python3", RUNNER)
    theirs, their_state = results(director, commands, program("xlvs"), "run", "--", *run, THEIRS)
    ours, our_state = results(director, commands, *run, program("ipvsadm"))
    for number, (command, mine, other) in enumerate(zip(commands, ours, theirs)):
        assert alike(mine, other), f"command {number} of seed {seed}: {command}"
    assert our_state == their_state
    # They did something, too.
    assert sum(status == 0 for status, _, _ in ours) > len(commands) / 5
