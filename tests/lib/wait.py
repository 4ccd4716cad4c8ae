# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for an event with a deadline; nothing in the tests sleeps and hopes."""

import time


def until(what, happened, seconds=10.0, every=0.02):
    """Return the first true answer of happened(); TimeoutError naming `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        answer = happened()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(every)
