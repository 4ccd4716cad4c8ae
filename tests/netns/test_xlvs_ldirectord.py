# SPDX-License-Identifier: GPL-2.0-or-later
"""xlvs-ldirectord against real servers and a real director, and beside Debian's ldirectord."""

import contextlib
import os
import socket
import subprocess
import threading
import time

import pytest

from director import program
from forwarding import two_armed
from ldirectord import ORIGINAL, History, Ldirectord, Original
from load import fetch
from wait import until

pytestmark = two_armed

QUICK = "checkinterval=1\nchecktimeout=1\nnegotiatetimeout=1\n"


def virtual(family, port, lines, servers, method="masq"):
    reals = [f"    real={server.address(family)}:{port} {method} {weight}\n"
             for server, weight in servers]
    return f"virtual={family.vip}:{port}\n{lines}{''.join(reals)}"


def tables(family, topology):
    """A function: the table of the service on port 80 with these servers and weights."""
    def table(port=80, **weights):
        names = {server.name: server for server in topology.servers}
        return {f"{family.vip}:{port}": {f"{names[name].address(family)}:{port}": weight
                                         for name, weight in weights.items()}}
    return table


def test_servers_come_fail_and_recover_and_a_stop_takes_them_out(topology, director, client, ipv4):
    one, two, spare = topology.servers
    table = tables(ipv4, topology)
    checks = Ldirectord(topology, QUICK + virtual(
        ipv4, 80, f"    fallback={spare.address(ipv4)}:80 masq\n    receive=\"rs\"\n",
        [(one, 1), (two, 2)]))
    assert checks.status_of("status") == 3
    with History(director) as history:
        checks.start()
        assert checks.status_of("status") == 0
        history.wait(table(rs1=1, rs2=2))
        assert set(fetch(client, ipv4, 6)) == {"rs1", "rs2"}
        one.kill_nginx()
        history.wait(table(rs2=2))
        checks.wait_log(f"Check of real server: {one.address(ipv4)}:80 ({ipv4.vip}:80) failed: "
                        "connect: connection refused")
        two.kill_nginx()
        history.wait(table(rs3=1))
        assert fetch(client, ipv4, 2) == ["rs3"] * 2
        shown = checks.server(f"{one.address(ipv4)}:80")
        assert shown["state"] == "down" and not shown["last_result"]["up"]
        assert shown["last_result"]["text"]
        two.start_nginx()
        history.wait(table(rs2=2))
        one.start_nginx()
        history.wait(table(rs1=1, rs2=2))
        checks.stop()
        history.wait({})
    assert checks.status_of("status") == 3
    assert checks.pid is None
    # Nothing was in the table that should not have been, at no time.
    known = [{}, table(), table(rs1=1), table(rs2=2), table(rs1=1, rs2=2), table(rs3=1),
             table(rs2=2, rs3=1)]
    assert [state for state in history.states if state not in known] == []


def test_a_reload_applies_the_difference_and_a_faulty_one_nothing(topology, director, ipv4):
    one, two, _ = topology.servers
    table = tables(ipv4, topology)
    checks = Ldirectord(topology, QUICK + virtual(ipv4, 80, "", [(one, 1), (two, 2)])).start()
    with History(director) as history:
        history.wait(table(rs1=1, rs2=2))
        checks.write(QUICK + "quiescent=perhaps\n")
        done = checks.do("reload", check=False)
        assert done.returncode == 2 and "line 5, column 11: expected yes or no" in done.stderr
        checks.hang_up()
        checks.wait_log("The configuration stays as it was")
        assert history.states[-1] == table(rs1=1, rs2=2)
        checks.write("quiescent=yes\n" + QUICK
                     + virtual(ipv4, 80, "    scheduler=rr\n", [(one, 5), (two, 2)]))
        checks.do("reload")
        history.wait(table(rs1=5, rs2=2))
        two.kill_nginx()
        history.wait(table(rs1=5, rs2=0))
        checks.write("autoreload=yes\n" + QUICK + virtual(ipv4, 80, "", [(two, 3)]))
        checks.do("reload")
        history.wait(table())
        two.start_nginx()
        history.wait(table(rs2=3))
        checks.write("cleanstop=no\n" + QUICK + virtual(ipv4, 8080, "", [(two, 4)]))
        history.wait(table(8080, rs2=4))
        checks.stop()
    assert History(director).states[-1] == table(8080, rs2=4)


def test_servers_in_the_table_serve_on_through_a_start(topology, director, ipv4):
    one, two, three = topology.servers
    table = tables(ipv4, topology)
    service = f"{ipv4.vip}:80"
    director.ipvsadm(f"-A -t {service} -s wrr")
    for server in (one, two, three):
        director.ipvsadm(f"-a -t {service} -r {server.address(ipv4)}:80 -m -w 1")
    two.kill_nginx()
    checks = Ldirectord(topology, QUICK + virtual(ipv4, 80, "", [(one, 1), (two, 1)]))
    with History(director) as history:
        checks.start()
        history.wait(table(rs1=1))
        checks.stop()
    assert all(f"{one.address(ipv4)}:80" in state[service]
               for state in history.states if service in state)


def test_the_table_comes_back_with_the_director(topology, director, ipv4):
    one, two, _ = topology.servers
    table = tables(ipv4, topology)
    checks = Ldirectord(topology, QUICK + virtual(ipv4, 80, "", [(one, 1), (two, 2)])).start()
    with History(director) as history:
        history.wait(table(rs1=1, rs2=2))
    director.stop()
    checks.wait_log("The connection to the director is lost")
    director.start()
    with History(director) as history:
        history.wait(table(rs1=1, rs2=2))
    checks.stop()
    director.stop()
    done = checks.do("start", check=False)
    assert done.returncode == 1
    assert done.stderr == ("no director to talk to: xlvsd is not running in this network "
                           "namespace\n")
    assert checks.pid is None


def test_a_file_in_maintenancedir_takes_a_server_out(topology, director, ipv4):
    one, two, _ = topology.servers
    table = tables(ipv4, topology)
    directory = os.path.join(topology.directory, "maintenance")
    os.makedirs(directory, exist_ok=True)
    checks = Ldirectord(topology, f"maintenancedir={directory}\n" + QUICK
                        + virtual(ipv4, 80, "", [(one, 1), (two, 2)])).start()
    with History(director) as history:
        history.wait(table(rs1=1, rs2=2))
        path = os.path.join(directory, f"{two.address(ipv4)}:80")
        with open(path, "w"):
            history.wait(table(rs1=1))
        assert checks.server(f"{two.address(ipv4)}:80")["state"] == "maintenance"
        os.unlink(path)
        history.wait(table(rs1=1, rs2=2))
    checks.stop()


class MailServer:
    """Takes e-mail on port 25 of a namespace's loopback: `mails` are whole messages."""

    def __init__(self, space):
        self.socket = space.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 25))
        self.socket.listen()
        self.mails = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.take(self.socket.accept()[0])

    def take(self, stream):
        with stream, stream.makefile("rw", newline="\r\n") as lines:
            def say(text):
                print(text, file=lines, flush=True)
            say("220 mail")
            for line in lines:
                word = line[:4].upper().strip()
                say("354 go on" if word == "DATA" else "250 fine")
                if word == "DATA":
                    self.mails.append("".join(iter(lines.readline, ".\r\n")))
                    say("250 taken")
                elif word == "QUIT":
                    return

    def wait(self, *texts):
        return until(f"a mail with {texts}",
                     lambda: [mail for mail in self.mails if all(text in mail for text in texts)])


def wait_lines(path, expected):
    """Until a file that a script writes holds these lines."""
    def lines():
        with contextlib.suppress(FileNotFoundError), open(path) as file:
            return file.read().splitlines()
    until(f"{expected} in {path}", lambda: lines() == expected)


def test_others_are_told_by_mail_commands_and_monitorfile(topology, director, ipv4):
    one, _, _ = topology.servers
    table = tables(ipv4, topology)
    folder = os.path.join(topology.directory, "told")
    os.mkdir(folder)
    for name in ("fallback", "changed"):
        with open(os.path.join(folder, name), "w") as script:
            script.write(f'#!/bin/sh\necho "$*" >> {folder}/{name}.seen\n')
            os.fchmod(script.fileno(), 0o755)
    text = (f'callback="{folder}/changed"\nfallbackcommand={folder}/fallback\nsmtp=127.0.0.1\n'
            "emailalert=ops@example.org\nemailalertfrom=Watch <watch@example.org>\n"
            "emailalertstatus=running\n" + QUICK
            + virtual(ipv4, 80, f"    servicename=shop\n    monitorfile={folder}/monitor\n",
                      [(one, 1)]))
    mail = MailServer(topology.director)
    checks = Ldirectord(topology, text).start()
    with History(director) as history:
        history.wait(table(rs1=1))
        until("the first round", lambda: checks.status()["condition"] == "running")
        one.kill_nginx()
        history.wait(table())
        one.start_nginx()
        history.wait(table(rs1=1))
    service, server = f"{ipv4.vip}:80", f"{one.address(ipv4)}:80"
    mail.wait("From: Watch <watch@example.org>", "To: ops@example.org",
              f"Subject: [shop] Deleted real server: {server} ({service})",
              "Daemon-Status: running", "Service name: shop")
    mail.wait(f"Added real server: {server} ({service}) (Weight set to 1)")
    wait_lines(f"{folder}/fallback.seen",
               [f"{word} {service} tcp" for word in ("stop", "start", "stop")])
    with open(f"{folder}/monitor") as monitor:
        lines = [line.partition("] [")[2].partition("] ")[2] for line in monitor]
    identity = f"negotiate http tcp {server.replace(':', ' ')} 1 masq / "
    assert lines[0].startswith(f"{identity} [up] ")
    assert any(line.startswith(f"{identity} [down] ") for line in lines)
    checks.write(text + "# changed\n")
    wait_lines(f"{folder}/changed.seen", [checks.path])
    checks.wait_log(" - ignore new configuration")
    mail.socket.close()
    checks.stop()


def test_exit_statuses_are_those_that_init_scripts_expect(topology, director, ipv4):
    checks = Ldirectord(topology, "nonsense=1\nvirtual=nowhere.invalid:80\n" + virtual(
        ipv4, 80, "    monitorfile=/nowhere/at/all\n    receive=\"(\"\n    quiescent=perhaps\n",
        [(server, 1) for server in topology.servers]))
    done = checks.do("start", check=False)
    assert done.returncode == 2
    assert [line.partition("at line ")[2] for line in done.stderr.splitlines()] == [
        "2, column 1: no such directive: nonsense",
        "3, column 9: nowhere.invalid: not an IPv4 address nor the name of one",
        "5, column 17: cannot write /nowhere/at/all: No such file or directory",
        "6, column 13: receive \"(\" is not a regular expression: missing closing parenthesis at "
        "character 2",
        "7, column 15: expected yes or no"]
    assert checks.status_of("check") == 2
    # A faulty file does not keep anybody from asking or stopping.
    assert [checks.status_of(verb) for verb in ("status", "stop", "try-restart")] == [3, 0, 0]
    checks.write(f"virtual={ipv4.vip}:80\n")
    assert [checks.status_of(verb) for verb in ("check", "reload", "start", "start")] == [0, 1, 0, 0]
    pid = checks.pid
    assert checks.status_of("restart") == 0 and checks.pid != pid
    assert checks.do("status").stderr == (f"ldirectord for {checks.path} is running with pid: "
                                          f"{checks.pid}\n")
    assert [checks.status_of(verb) for verb in ("force-reload", "stop")] == [0, 0]
    with open(checks.pidfile, "w") as stale:
        stale.write("999999\n")
    done = checks.do("status", check=False)
    assert done.returncode == 1 and "ldirectord stale pid file" in done.stderr
    os.unlink(checks.pidfile)
    os.mkdir(checks.pidfile)
    done = checks.do("start", check=False)
    assert (done.returncode, done.stderr) == (1, f"Can not open {checks.pidfile}: Is a directory\n")
    os.rmdir(checks.pidfile)
    assert director.rows() == []
    checks.path = os.path.join(topology.directory, "nothing.cf")
    assert checks.status_of("start") == 1
    assert checks.status_of("dance") == 255
    assert [checks.status_of("start", option) for option in ("-h", "-?", "-v", "-x")] == [
        0, 0, 0, 255]


def test_supervised_stays_in_the_foreground_and_others_run_along(topology, director, ipv4):
    one, _, _ = topology.servers
    table = tables(ipv4, topology)
    other = Ldirectord(topology, QUICK + virtual(ipv4, 8080, "    service=http\n", [(one, 2)]))
    checks = Ldirectord(topology, f"supervised=yes\nexecute={other.path}\n" + QUICK
                        + virtual(ipv4, 80, "", [(one, 1)]))
    daemon = topology.director.start(program("xlvs-ldirectord"), checks.path, "start",
                                     stdout=subprocess.PIPE, text=True)
    with History(director) as history:
        history.wait(table(rs1=1) | table(8080, rs1=2))
        assert checks.pid == daemon.pid and checks.status_of("status") == 0
        assert other.status_of("status") == 0
        checks.write("supervised=yes\n" + QUICK + virtual(ipv4, 80, "", [(one, 3)]))
        checks.do("reload")
        history.wait(table(rs1=3))
        assert other.status_of("status") == 3
        daemon.terminate()
        said, _ = daemon.communicate(timeout=20)
        history.wait({})
    assert daemon.returncode == 0 and checks.pid is None and checks.read_log() == []
    assert "] Added virtual server: " in said and "terminated on signal: TERM" in said


def test_systemd_hears_of_readiness_reloads_the_watchdog_and_the_end(topology, director, ipv4):
    path = os.path.join(topology.directory, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(10)

        def hear(line):
            heard = []
            while line not in heard:
                heard += notify.recv(4096).decode().splitlines()
        checks = Ldirectord(topology, QUICK + virtual(ipv4, 80, "", [(topology.servers[0], 1)]))
        daemon = topology.director.start("env", f"NOTIFY_SOCKET={path}", program("xlvs-ldirectord"),
                                         "--foreground", checks.path, "start",
                                         stdout=subprocess.DEVNULL)
        hear("READY=1")
        assert checks.status_of("status") == 0
        hear("WATCHDOG=1")
        hear("WATCHDOG=1")
        checks.do("reload")
        hear("RELOADING=1")
        hear("READY=1")
        checks.do("stop")
        hear("STOPPING=1")
    assert daemon.wait() == 0


def sequence(checker, topology, director, family):
    """The same failures for either program: the table's states, and when they were to be what."""
    one, two, spare = topology.servers
    table = tables(family, topology)
    fallback = f"    fallback={spare.address(family)}:{{}} masq\n"
    text = (QUICK + virtual(family, 80, fallback.format(80), [(one, 1), (two, 2)])
            + virtual(family, 8080, fallback.format(8080) + "    quiescent=yes\n"
                      + "    service=http\n", [(one, 3), (two, 4)]))
    checks = checker(topology, text)
    steps = [
        (checks.start, table(rs1=1, rs2=2) | table(8080, rs1=3, rs2=4)),
        (one.kill_nginx, table(rs2=2) | table(8080, rs1=0, rs2=4)),
        (two.kill_nginx, table(rs3=1) | table(8080, rs1=0, rs2=0, rs3=1)),
        (two.start_nginx, table(rs2=2) | table(8080, rs1=0, rs2=4)),
        (one.start_nginx, table(rs1=1, rs2=2) | table(8080, rs1=3, rs2=4)),
        (checks.stop, {}),
    ]
    with History(director) as history:
        for step, expected in steps:
            step()
            history.wait(expected)
    return history.states, [expected for _, expected in steps]


@pytest.mark.skipif(not os.path.exists(ORIGINAL), reason="Debian's ldirectord is not installed")
def test_ours_and_the_original_bring_the_table_to_the_same_states(topology, director, ipv4):
    theirs, steady = sequence(Original, topology, director, ipv4)
    ours, _ = sequence(Ldirectord, topology, director, ipv4)
    assert [state for state in theirs if state in steady][-6:] == steady[-6:]
    assert [state for state in ours if state in steady] == [{}] + steady
    # A server that failed its check is not shown with a weight before the next one passed.
    one = topology.servers[0].address(ipv4)
    down = ours[ours.index(steady[1]):ours.index(steady[3])]
    assert all(f"{one}:80" not in state[f"{ipv4.vip}:80"] for state in down)
    assert all(state[f"{ipv4.vip}:8080"][f"{one}:8080"] == 0 for state in down)


def test_a_dead_server_goes_in_time_however_many_others_are_black_holed(topology, director, ipv4):
    """Nobody has these addresses, so checks of them only end with their time limit."""
    one, two, _ = topology.servers
    table = tables(ipv4, topology)
    void = "".join(f"    real=192.0.2.{n}:80 masq\n" for n in range(100, 200))
    checks = Ldirectord(topology, "checkinterval=1\nnegotiatetimeout=2\nfailurecount=2\n"
                        + virtual(ipv4, 80, "", [(one, 1), (two, 2)]) + void).start()
    with History(director) as history:
        history.wait(table(rs1=1, rs2=2))
        two.ip(f"route add blackhole {ipv4.dip}")
        began = time.monotonic()
        history.wait(table(rs1=1))
        took = time.monotonic() - began
        two.ip(f"route del blackhole {ipv4.dip}")
        history.wait(table(rs1=1, rs2=2))
    checks.stop()
    assert took < 1 * 2 + 2 + 0.5, "interval x failurecount + time limit, and half a second to see it"
