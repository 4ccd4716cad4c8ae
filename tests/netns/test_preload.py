# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that know the kernel's IPVS only, with the preload library: Debian's own ipvsadm, and a
client that uses its socket in every way a program may (tests/lib/ipvs_client.py)."""

import ipaddress
import os
import re
import signal
import subprocess

import pytest

from director import ROOT, program
from forwarding import two_armed
from load import Session
from test_ipvsadm import NO_DIRECTOR, NOBODY, NOT_ROOT, TRANSCRIPTS, replayed, transcript

pytestmark = two_armed

THEIRS = "/usr/sbin/ipvsadm"
CLIENT = os.path.join(ROOT, "tests", "lib", "ipvs_client.py")


def preloaded(*words):
    return [program("xlvs"), "run", "--", *words]


def client_words(way, *words):
    return preloaded("/usr/bin/python3", CLIENT, way, *words)


def theirs(director, *words, **options):
    """Debian's ipvsadm."""
    return director.namespace.run(*preloaded(THEIRS, *words), check=False, **options)


def without_modprobe(text):
    """It looks for the module first."""
    return re.sub(r"^modprobe: .*\n", "", text, flags=re.MULTILINE)


@pytest.fixture
def converse(director):
    """A function: start a client's way; the result is a function that lets it go on and returns
    what it says next."""
    started = []

    def start(way):
        process = subprocess.Popen(director.namespace.command(*client_words(way)), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)

        def go_on():
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline()
        assert process.stdout.readline() == "next\n"
        return go_on
    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_debians_ipvsadm_prints_what_it_was_recorded_to_print(director, name):
    director.ipvsadm("-C")
    for record in transcript(name):
        done = theirs(director, *record.words, stdin=record.stdin)
        assert replayed(record, done, THEIRS) == record, f"line {record.line}"


@pytest.mark.parametrize("way", ["plain", "blocking", "addresses", "in_pieces", "foreign",
                                 "duplicates", "many", "children", "threads", "polled",
                                 "legacy", "files", "looks"])
def test_a_socket_may_be_used_in_any_way(director, way):
    assert director.namespace.run(*client_words(way)).stdout == "ok\n"


def test_connections_are_listed_by_both_programs_alike(topology, director, client, family):
    service = director.add_service(family, "nat", topology.servers)

    def listed(text):
        """Its header and the row of the service; what other tests left may end meanwhile."""
        lines = re.sub(r" \d\d:\d\d ", " ", text).splitlines()
        return lines[:2] + [line for line in lines if f" {service} " in line]
    with Session(client, family) as session:
        session.get()
        ours, others = director.ipvsadm("-Lnc"), theirs(director, "-Lnc").stdout
        text = director.namespace.run(*preloaded("cat", "/proc/net/ip_vs_conn")).stdout
    assert listed(others) == listed(ours) and len(listed(ours)) == 3
    head, *rows = text.splitlines()
    assert head == "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData"
    vip = ipaddress.ip_address(family.vip)
    vip = f"{int(vip):08X}" if family.version == 4 else vip.exploded
    [row] = [row.split() for row in rows if f" {vip} 0050 " in row]
    assert row[0] == "TCP" and row[6:8] == ["0050", "ESTABLISHED"]


def test_the_services_are_in_proc(topology, director, ipv4):
    director.ipvsadm("-A -t 203.0.113.1:80 -s wrr")
    director.ipvsadm("-a -t 203.0.113.1:80 -r 192.0.2.11:8080 -m -w 3")
    director.ipvsadm("-A -t [2001:db8::1]:443 -s rr")
    director.ipvsadm("-a -t [2001:db8::1]:443 -r [2001:db8:2::11]:443 -g")
    text = director.namespace.run(*preloaded("cat", "/proc/net/ip_vs")).stdout
    assert text.startswith("IP Virtual Server version 1.2.1 (size=4096)\n"
                           "Prot LocalAddress:Port Scheduler Flags\n"
                           "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n")
    assert director.namespace.run(*preloaded("sh", "-c", "test -r /proc/net/ip_vs && ls -l $0",
                                             "/proc/net/ip_vs")).stdout.startswith("-r--r--r-- 1 ")
    assert ("TCP  CB007101:0050 wrr  \n"
            "  -> C000020B:1F90      Masq    3      0          0         \n") in text
    assert ("TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:01BB rr \n"
            "  -> [2001:0db8:0002:0000:0000:0000:0000:0011]:01BB      Route   1      0          0"
            "         \n") in text


def test_a_socket_of_another_namespace_reaches_the_director_there(director, client):
    there = f"/run/netns/{director.namespace.netns}"
    assert client.run(*client_words("elsewhere", there)).stdout == "ok\n"


def test_a_client_outlives_the_director(director, converse):
    go_on = converse("restarted")
    director.kill()
    assert go_on() == "next\n"
    director.start()
    assert go_on() == "ok\n"


def test_what_a_dying_director_did_not_answer_is_refused(director, converse):
    go_on = converse("unanswered")
    director.daemon.send_signal(signal.SIGSTOP)
    assert go_on() == "next\n"
    director.kill()
    assert go_on() == "next\n"
    director.start()
    assert go_on() == "ok\n"


def test_without_a_director_all_is_as_without_a_module(topology, client):
    assert client.run(*client_words("no_director")).stdout == "ok\n"
    done = client.run(*preloaded(THEIRS, "-Ln"), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert without_modprobe(done.stderr) == NO_DIRECTOR


def test_only_root_is_served(director):
    done = director.namespace.run("setpriv", "--reuid", NOBODY, "--clear-groups",
                                  *preloaded(THEIRS, "-Ln"), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert without_modprobe(done.stderr) == NOT_ROOT


def test_run_tells_why_a_command_was_not_started(topology, client):
    done = client.run(program("xlvs"), "run", "--", "/no/such/program", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "xlvs run: /no/such/program: No such file or directory\n"
    assert client.run(program("xlvs"), "run", check=False).returncode == 2
    assert client.run(*preloaded("sh", "-c", "exit 7"), check=False).returncode == 7
    kept = client.run("env", "LD_PRELOAD=", *preloaded("printenv", "LD_PRELOAD")).stdout
    assert re.fullmatch(r"/\S+/libxlvs-ipvs\.so\n", kept)
