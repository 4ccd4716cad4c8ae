# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's ldirectord, unmodified, through a whole life: with our ipvsadm in the place of the one it
calls, and with Debian's own and the preload library."""

import os

import pytest

from director import Destination, program
from forwarding import two_armed
from load import fetch
from wait import until

pytestmark = two_armed

DEADLINE_SEC = 40   # it checks one server after the other and runs ipvsadm three times for a change
CONF = """\
checktimeout=2
negotiatetimeout=2
checkinterval=1
logfile="{log}"

virtual={vip}:80
    real=192.0.2.11:8080 masq {weight}
    real=192.0.2.12:8080 masq
    fallback=192.0.2.13:8080 masq
    service=http
    request="/"
    receive="rs"
    scheduler=wrr

virtual={vip}:8080
    real=192.0.2.12:8080 gate 5
    real=192.0.2.13:8080 gate
    checktype=connect
    quiescent=yes
    scheduler=rr
"""
MORE = """
virtual={vip}:81
    real=192.0.2.11:8080 masq
    checktype=on
    scheduler=rr
"""

# The path it calls is written into it.
IN_ITS_PLACE = 'mount --bind "$0" /usr/sbin/ipvsadm && exec "$@"'


class Ldirectord:
    def __init__(self, director, directory, words, vip):
        self.director = director
        self.vip = vip
        self.words = words
        self.log = directory / "log"
        self.conf = directory / f"xlvs-{os.getpid()}.cf"
        self.configure()

    def configure(self, weight=3, more=""):
        self.conf.write_text((CONF + more).format(log=self.log, weight=weight, vip=self.vip))

    def run(self, verb):
        return self.director.namespace.run(*self.words, "ldirectord", self.conf, verb,
                                           check=False).returncode

    def wait(self, port, **servers):
        """Until a service has these servers, rsN=(forward, weight), all on port 8080."""
        service = f"{self.vip}:{port}"
        wanted = {f"192.0.2.1{name[-1]}:8080": Destination(*values, 0, 0)
                  for name, values in servers.items()}

        def found():
            return {name: Destination(dest.forward, dest.weight, 0, 0)
                    for name, dest in self.director.destinations(service).items()}
        try:
            until(f"{service} to be {wanted}", lambda: found() == wanted, DEADLINE_SEC)
        except TimeoutError as error:
            raise AssertionError(f"{error}; it is {found()}\n{self.log.read_text()}") from error


@pytest.fixture(params=["our ipvsadm", "Debian's ipvsadm"])
def ldirectord(request, director, ipv4, tmp_path):
    words = {"our ipvsadm": ["unshare", "--mount", "sh", "-c", IN_ITS_PLACE, program("ipvsadm")],
             "Debian's ipvsadm": [program("xlvs"), "run", "--"]}[request.param]
    made = Ldirectord(director, tmp_path, words, ipv4.vip)
    yield made
    made.run("stop")
    until("ldirectord to have ended", lambda: made.run("status") != 0, DEADLINE_SEC)


def test_a_whole_life(topology, director, client, ipv4, ldirectord):
    rs1, rs2, _ = topology.servers
    assert ldirectord.run("status") == 3
    with director.reaching():
        assert ldirectord.run("start") == 0
        ldirectord.wait(80, rs1=("Masq", 3), rs2=("Masq", 1))
        ldirectord.wait(8080, rs2=("Route", 5), rs3=("Route", 1))
        assert ldirectord.run("status") == 0
    assert set(fetch(client, ipv4, 8)) == {"rs1", "rs2"}

    rs2.kill_nginx()    # once deleted, once drained
    ldirectord.wait(80, rs1=("Masq", 3))
    ldirectord.wait(8080, rs2=("Route", 0), rs3=("Route", 1))
    rs1.kill_nginx()
    ldirectord.wait(80, rs3=("Masq", 1))
    assert set(fetch(client, ipv4, 2)) == {"rs3"}

    rs1.start_nginx()
    ldirectord.wait(80, rs1=("Masq", 3))
    rs2.start_nginx()
    ldirectord.wait(80, rs1=("Masq", 3), rs2=("Masq", 1))
    ldirectord.wait(8080, rs2=("Route", 5), rs3=("Route", 1))

    ldirectord.configure(weight=7, more=MORE)
    assert ldirectord.run("reload") == 0
    ldirectord.wait(80, rs1=("Masq", 7), rs2=("Masq", 1))
    ldirectord.wait(81, rs1=("Masq", 1))
    ldirectord.configure()
    assert ldirectord.run("reload") == 0
    until("the service to be gone", lambda: f"{ipv4.vip}:81" not in director.ipvsadm("-Ln"), DEADLINE_SEC)

    assert ldirectord.run("stop") == 0
    until("the services to be gone", lambda: not director.rows(), DEADLINE_SEC)
