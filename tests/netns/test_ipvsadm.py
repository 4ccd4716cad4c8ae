# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line against a whole director: what Debian's ipvsadm was recorded to print, saving and
restoring, and the operator's questions (xlvs status, drops, conn)."""

import json
import os
import re
from dataclasses import dataclass, field

import pytest

from director import ROOT, program
from forwarding import two_armed
from load import Session
from topology import V4

pytestmark = two_armed
ipv4_only = pytest.mark.parametrize("family", [V4], ids=["ipv4"])

NO_DIRECTOR = ("Can't initialize ipvs: Protocol not available\n"
               "Are you sure that IP Virtual Server is built in the kernel or as module?\n")
NOT_ROOT = NO_DIRECTOR.replace("Protocol not available", "Permission denied (you must be root)")
NOBODY = "65534"
TRANSCRIPTS = ["ipvsadm.txt", "ipvsadm_kernel.txt"]


@dataclass
class Record:
    """One command of a transcript, its input, and all that came of it."""

    words: list
    stdin: str = ""
    out: str = ""
    err: str = ""
    status: int = 0
    line: int = field(default=0, compare=False)


def transcript(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as file:
        for number, line in enumerate(file, 1):
            if line.startswith("$ "):
                record = Record(line.split()[2:], line=number)
            elif line.startswith("< "):
                record.stdin += line[2:]
            elif line.startswith("[err] "):
                record.err += line[6:]
            elif found := re.match(r"\[rc (\d+)\]", line):
                record.status = int(found[1])
                yield record
            elif not line.startswith("#"):
                record.out += line


def replayed(record, done, path):
    """What came of a record's command. The program calls itself by the path it was called by;
    connections are those of other tests."""
    out, err = (text.replace(path, "ipvsadm") for text in (done.stdout, done.stderr))
    if out.startswith("IPVS connection entries"):
        out = "".join(out.splitlines(True)[:2])
    return Record(record.words, record.stdin, out, err, done.returncode)


def script(director, name, *words, **options):
    """Run ipvsadm-save or ipvsadm-restore as installed: with our ipvsadm found in PATH."""
    path = os.path.dirname(program("ipvsadm")) + ":/usr/sbin:/usr/bin:/sbin:/bin"
    return director.namespace.run("env", f"PATH={path}", os.path.join(ROOT, "src", "cli", name),
                                  *words, **options)


def as_nobody(director, *words):
    return director.namespace.run("setpriv", "--reuid", NOBODY, "--clear-groups", *words,
                                  check=False)


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_the_recorded_commands_print_the_same_here(director, name):
    director.ipvsadm("-C")
    for record in transcript(name):
        done = director.namespace.run(program("ipvsadm"), *record.words, stdin=record.stdin,
                                      check=False)
        assert replayed(record, done, program("ipvsadm")) == record, f"line {record.line}"


def test_what_was_saved_is_restored(topology, director, family):
    for port, method in ((80, "nat"), (81, "dr"), (82, "tun")):
        service = director.add_service(family, method, [], port=port)
        for weight, server in enumerate(topology.servers):
            director.add_dest(service, family, server, method, port, words=f"-w {weight}")
    saved = script(director, "ipvsadm-save", "-n").stdout
    assert saved == director.ipvsadm("-Sn")
    assert len(saved.splitlines()) == 12
    director.ipvsadm("-C")
    assert script(director, "ipvsadm-save", "-n").stdout == ""
    script(director, "ipvsadm-restore", stdin="# a comment\n" + saved)
    assert director.ipvsadm("-Sn") == saved
    script(director, "ipvsadm-restore", stdin=saved)
    assert director.ipvsadm("-Sn") == saved


def test_every_feature_is_saved_and_restored(director):
    saved = """\
-A -t 203.0.113.1:0 -s wlc -p 360
-A -t 203.0.113.1:80 -s sh -p 50 -M 255.255.255.0 -b sh-fallback,sh-port
-a -t 203.0.113.1:80 -r 192.0.2.11:8080 -m -w 5
-a -t 203.0.113.1:80 -r 192.0.2.12:80 -g -w 0
-a -t 203.0.113.1:80 -r 192.0.2.13:80 -i -w 1 --tun-type ipip
-a -t 203.0.113.1:80 -r 192.0.2.14:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 203.0.113.1:80 -r 192.0.2.15:80 -i -w 1 --tun-type gue --tun-port 6081 --tun-csum
-a -t 203.0.113.1:80 -r 192.0.2.16:80 -i -w 1 --tun-type gue --tun-port 6082 --tun-remcsum
-a -t 203.0.113.1:80 -r 192.0.2.17:80 -i -w 1 --tun-type gre --tun-nocsum
-a -t 203.0.113.1:80 -r 192.0.2.18:80 -i -w 2147483647 --tun-type gre --tun-csum
-A -u 203.0.113.1:53 -s mh -o -b mh-fallback,mh-port
-A -u 203.0.113.1:54 -s rr -p 2678400 -o -b flag-1,flag-2,flag-3
-A -t [2001:db8::1]:443 -s none -p 60 -M 64
-a -t [2001:db8::1]:443 -r [2001:db8:2::11]:8443 -m -w 1
-A -f 5 -s lblcr
-a -f 5 -r 192.0.2.11:0 -g -w 1
-A -f 6 -6 -s wrr -p 300
-a -f 6 -6 -r [2001:db8:2::11]:8443 -m -w 1
"""
    for _ in range(2):
        script(director, "ipvsadm-restore", stdin=saved)
        assert script(director, "ipvsadm-save", "-n").stdout == saved


def test_ipvsadm_save_knows_no_other_option(director):
    done = script(director, "ipvsadm-save", "-x", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("ipvsadm-save: Script to save the IPVS table to stdout.\n"
                           "   With the -n option, prints out the table in numeric format.\n")


def test_a_long_restore_arrives_whole(director):
    lines = []
    for port in range(1, 1001):
        lines.append(f"-A -t 203.0.113.1:{port} -s rr")
        lines += [f"-a -t 203.0.113.1:{port} -r 192.0.2.{host}:{port} -g -w {host}"
                  for host in range(10, 20)]
    text = "\n".join(lines) + "\n"
    director.ipvsadm("-R", stdin=text)
    assert director.ipvsadm("-Sn") == text


def test_a_connection_is_listed_alike_by_both_programs(topology, director, client, family):
    service = director.add_service(family, "nat", topology.servers)
    with Session(client, family) as session:
        session.get()
        rows = director.ipvsadm("-Lnc").splitlines()
        assert director.xlvs("conn").splitlines()[:2] == rows[:2]
        [row] = director.connections(service)
        [entry] = [entry for entry in json.loads(director.xlvs("conn", "--json"))
                   if entry["virtual"]["address"] == family.vip]
    assert entry["state"] == row.state == "ESTABLISHED"
    assert entry["protocol"] == row.protocol == "TCP"
    assert abs(entry["expires_sec"] - row.seconds) <= 2
    for name, printed in (("client", row.source), ("virtual", row.virtual),
                          ("destination", row.destination)):
        assert family.endpoint(entry[name]["address"], entry[name]["port"]) == printed
    assert entry["template"] is False


@ipv4_only
def test_status_and_drops_are_text_and_json(topology, director, family):
    director.add_service(family, "dr", topology.servers)
    status = json.loads(director.xlvs("status", "--json"))
    assert status["services"] == {"ipv4": 1, "ipv6": 0}
    text = director.xlvs("status")
    assert f"version     {status['version']}\n" in text
    assert "services\n  ipv4  1\n  ipv6  0\n" in text
    drops = json.loads(director.xlvs("drops", "--json"))["drops"]
    text = director.xlvs("drops")
    for drop in drops:
        assert re.search(rf"^  {drop['name']} +{drop['count']}  {re.escape(drop['meaning'])}$",
                         text, re.MULTILINE)


def test_only_root_is_served(director):
    done = as_nobody(director, program("ipvsadm"), "-Ln")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", NOT_ROOT)
    done = as_nobody(director, program("xlvs"), "status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "xlvs status: only root may ask the director\n"


def test_what_the_director_cannot_do_it_refuses_by_name(director):
    done = director.namespace.run(program("ipvsadm"), "--start-daemon", "master",
                                  "--mcast-interface", "lo", check=False)
    assert (done.returncode, done.stdout) == (255, "")
    assert done.stderr == "connection synchronisation is not supported yet\n"
    done = director.namespace.run(program("ipvsadm"), "--stop-daemon", "master", check=False)
    assert (done.returncode, done.stderr) == (255, "No daemon is running\n")
    assert director.ipvsadm("-L", "--daemon") == ""


def test_without_a_director_both_programs_say_so(topology, programs):
    namespace = topology.director
    for words in (["-Ln"], ["-h"], ["-A", "-t", "203.0.113.1:80"], []):
        done = namespace.run(program("ipvsadm"), *words, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", NO_DIRECTOR)
    for subcommand in ("status", "drops", "conn"):
        done = namespace.run(program("xlvs"), subcommand, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (f"xlvs {subcommand}: "
                               "no director runs in this network namespace\n")
