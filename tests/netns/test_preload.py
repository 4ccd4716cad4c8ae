# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that know the kernel's IPVS only, with the preload library: Debian's own ipvsadm, and a
client that uses its socket in every way a program may (tests/lib/ipvs_client.py)."""

import os
import re
import signal
import subprocess

import pytest

from director import ROOT, program
from forwarding import two_armed
from test_ipvsadm import NO_DIRECTOR, NOBODY, NOT_ROOT, Record, transcript

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


def test_debians_ipvsadm_prints_what_it_was_recorded_to_print(director):
    for record in transcript():
        done = theirs(director, *record.words, stdin=record.stdin)
        err = done.stderr.replace(THEIRS, "ipvsadm")
        assert Record(record.words, record.stdin, done.stdout, err, done.returncode) == record, \
            f"line {record.line} of the transcript"


@pytest.mark.parametrize("way", ["plain", "blocking", "addresses", "in_pieces", "foreign",
                                 "duplicates", "many", "children", "threads", "polled"])
def test_a_socket_may_be_used_in_any_way(director, way):
    assert director.namespace.run(*client_words(way)).stdout == "ok\n"


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
