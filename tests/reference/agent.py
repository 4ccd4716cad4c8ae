#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs in the guest: raises the lab and plays what the command line names, in one process.

Each line it prints is JSON: {"name", "failure": null or {...}, ...}; tests/reference/run makes TAP
of it.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

import generate  # noqa: E402
import scenario  # noqa: E402
import wire  # noqa: E402
from lab import KernelSide, XlvsSide  # noqa: E402
from play import Player  # noqa: E402

BATCH = 40      # random scenarios, before their connections have to end
SHRINK_RUNS = 60
CORE_VARIANTS = 4   # of a scenario, spread over all of them


def say(**what):
    os.write(1, (json.dumps(what) + "\n").encode())


def raise_sides(build, chosen):
    ours = {name: build / "src" / path for name, path in
            (("xlvsd", "daemon/xlvsd"), ("ipvsadm", "cli/ipvsadm"), ("xlvs", "cli/xlvs"))}
    sides = [make(programs) for make, programs in
             ((KernelSide, {"ipvsadm": "/usr/sbin/ipvsadm", "nft": "/usr/sbin/nft"}), (XlvsSide, ours))
             if chosen in (make.name, "both")]
    for side in sides:
        side.start()
        say(ready=side.name, at=round(time.monotonic(), 1))
    return sides


def tell(step, observations):
    """What one side shows, for who looks at it alone."""
    for side, observation in observations.items():
        say(side=side.name, step=step, output=observation.output,
            frames=[f"{who}: {wire.describe(frame)}" for who, frames in observation.frames.items()
                    for frame in frames],
            conns=[f"{key} {value}" for key, value in sorted(observation.conns.items())])


def play_file(player, path, core):
    variants = scenario.parse(Path(path).stem, Path(path).read_text())
    if core and len(variants) > CORE_VARIANTS:
        variants = [variants[i * len(variants) // CORE_VARIANTS] for i in range(CORE_VARIANTS)]
    for variant in variants:
        start = time.monotonic()
        failure = player.play(variant)
        say(name=variant.name, steps=len(variant.lines), took=round(time.monotonic() - start, 1),
            failure=failure and vars(failure))


def play_random(player, first, count):
    player.quick = True
    for seed in range(first, first + count):
        if (seed - first) % BATCH == 0:
            player.drain()
        chosen = generate.scenario(seed)
        start = time.monotonic()
        failure = player.play(chosen)
        say(name=chosen.name, seed=seed, steps=len(chosen.lines),
            took=round(time.monotonic() - start, 1),
            failure=failure and {**vars(failure), "shortest": shrink(player, chosen, failure)})


def shrink(player, chosen, failure):
    """The lines of the shortest scenario found that fails at its last step."""
    def fails(lines):
        again = scenario.Scenario(chosen.name, chosen.family, lines, chosen.differs)
        found = player.play(again)
        return found and lines[:found.index + 1]

    best, runs, size = chosen.lines[:failure.index + 1], 0, len(chosen.lines) // 2
    while size:
        at = 0
        while at < len(best) - 1 and runs < SHRINK_RUNS:
            shorter = fails(best[:at] + best[min(at + size, len(best) - 1):])
            runs += 1
            if shorter:
                best = shorter
            else:
                at += size
        size //= 2
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--director", choices=("kernel", "xlvs", "both"), default="both")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="ipvsadm's words go by message")
    parser.add_argument("--core", action="store_true", help="some variants of each scenario")
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*")
    chosen = parser.parse_args()
    play(chosen, Player(raise_sides(chosen.build, chosen.director), chosen.quick))
    say(end=True)


def play(chosen, player):
    if chosen.director != "both":
        player.watch = tell
    for path in chosen.files:
        play_file(player, path, chosen.core)
    if chosen.random:
        play_random(player, chosen.seed, chosen.random)


main()
