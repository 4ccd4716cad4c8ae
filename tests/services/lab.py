# SPDX-License-Identifier: GPL-2.0-or-later
"""A real server program alone in a namespace, and the health checks that are run against it."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import namespace  # noqa: E402
from scripted import DRIVER, read_results, write_checks  # noqa: E402
from wait import until  # noqa: E402

START_SEC = 30
FORBIDDEN_MARK = 7


class Lab(namespace.Namespace):
    """Its folder can be read by every account a server may run as."""

    def __init__(self, name):
        super().__init__("services", name)
        self.folder = tempfile.TemporaryDirectory(prefix="xlvs-services-")
        os.chmod(self.folder.name, 0o755)
        for family in ("-4", "-6"):
            self.ip_rule(family, "add", "pref", 2, "lookup", "local")
            self.ip_rule(family, "del", "pref", 0)
            self.ip_rule(family, "add", "pref", 1, "fwmark", FORBIDDEN_MARK, "prohibit")

    def ip_rule(self, family, *words):
        self.run("ip", family, "rule", *words)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_text(text)
        os.chmod(path, mode)
        return path

    def serve(self, *command):
        """Start a server; what it says goes to the test's output when the test fails."""
        with open(self.path("log"), "ab") as log:
            return self.start(*command, stdout=log, stderr=subprocess.STDOUT)

    def checks(self, *checks):
        done = self.run(DRIVER or default_driver(), stdin=write_checks(checks))
        return read_results(checks, done.stdout)

    def check(self, **words):
        return self.checks(words)[0]

    def signal_all(self, number):
        for pid in namespace.pids(self.netns):
            os.kill(int(pid), number)

    def end(self):
        until("its servers to end", self.ended)

    def ended(self):
        self.signal_all(signal.SIGKILL)
        return not namespace.pids(self.netns)

    def prove(self, good, wrong=()):
        """Up; down when something is wrong; down in time when the server hangs, up when it goes on;
        down when nobody listens. `wrong` are the words that make a check fail. A mark is on the
        very first packet."""
        print("up:", self.until_up(good, START_SEC))
        for words in wrong:
            result = self.check(**{**good, **words})
            print("wrong", words, result)
            assert result.outcome == "down" and result.text
        marked = self.check(**good, mark=FORBIDDEN_MARK)
        print("marked:", marked)
        assert marked.outcome == "down" and "no answer" not in marked.text
        self.signal_all(signal.SIGSTOP)
        hung = self.check(**good, timeout_ms=700)
        self.signal_all(signal.SIGCONT)
        print("stopped:", hung)
        assert hung.outcome == "down" and "no answer within 0.7 s" in hung.text
        self.until_up(good, START_SEC)
        self.end()
        gone = self.check(**good, timeout_ms=700)
        print("gone:", gone)
        assert gone.outcome == "down" and "no answer" not in gone.text

    def until_up(self, words, seconds):
        results = []

        def is_up():
            results.append(self.check(**words))
            return results[-1].outcome == "up"
        try:
            until(f"{words} to be up", is_up, seconds)
        except TimeoutError as late:
            raise TimeoutError(f"{late}: {results[-1]}") from None
        return results[-1]

    def close(self):
        self.end()
        super().close()
        log = self.path("log")
        if os.path.exists(log):
            print(Path(log).read_text(errors="replace")[-4000:])
        self.folder.cleanup()


def default_driver():
    build = os.environ.get("XLVS_BUILD", "build")
    return os.path.join(build, "tests", "unit", "check_driver")
