# SPDX-License-Identifier: GPL-2.0-or-later
"""What one step showed on one side, and where two sides differ."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import wire

# Both directors do a step one after the other, print whole seconds, and xlvs ends a connection up
# to a second late.
TOLERANCE_SEC = 2

DIFFERENCES = Path(__file__).resolve().parents[2] / "doc/differences.md"


@dataclass
class Observation:
    """One side after one step, of what belongs to the scenario."""

    output: tuple = ()                              # exit status, stdout, stderr
    frames: dict = field(default_factory=dict)      # who: [frame]
    services: dict = field(default_factory=dict)    # key: (settings, [(dest, settings)])
    numbers: dict = field(default_factory=dict)     # (key, dest or None): (counters, rates)
    conns: dict = field(default_factory=dict)       # (protocol, client, virtual): (state, dest, s)
    chosen: list = field(default_factory=list)


def without_icmp_errors(frames):
    def is_error(frame):
        return (frame[12:14] == wire.VERSION_4 and frame[23] == wire.ICMP or
                frame[12:14] == wire.VERSION_6 and frame[20] == wire.ICMP6)
    return {who: [frame for frame in those if not is_error(frame)]
            for who, those in frames.items()}


def drop_icmp_errors(observation):
    observation.frames = without_icmp_errors(observation.frames)


def any_gue_source_port(observation):
    """GUE travels on port 6080 in every scenario; the sum covers the source port."""
    for who, frames in observation.frames.items():
        observation.frames[who] = [wire.without_source_port(frame, 6080) for frame in frames]


# name: (subject of the row of doc/differences.md that says so, what takes the difference out)
EXCEPTIONS = {
    "gue-source-port": ("GUE's source port", any_gue_source_port),
    "stale-counters": ("counters in `-L --stats`", lambda observation: None),   # play.Stale
    "icmp-errors": ("rate of ICMP errors", drop_icmp_errors),
}


def valid_exceptions(names):
    """Those of the names whose row stands in doc/differences.md: without it nothing is excepted."""
    rows = [line.split("|")[1].strip() for line in DIFFERENCES.read_text().splitlines()
            if line.startswith("| ")]
    return [name for name in names if EXCEPTIONS[name][0] in rows]


def listing(text):
    """A connection listing without its times, which are compared as numbers, in one order."""
    lines = re.sub(r"^(\S+ +)\d+:\d\d ", r"\1mm:ss ", text, flags=re.M).splitlines()
    return "\n".join(lines[:2] + sorted(lines[2:]))


def differences(kernel, xlvs, numbers=False):
    """Lines about what differs; none when both sides agree."""
    found = []
    for label, one, other in (("exit status, output, errors", kernel.output, xlvs.output),
                              ("chosen", kernel.chosen, xlvs.chosen)):
        if one != other:
            found += both(label, one, other)
    for who in sorted({*kernel.frames, *xlvs.frames}):
        ours, theirs = ([wire.normal(frame) for frame in side.frames.get(who, [])]
                        for side in (kernel, xlvs))
        if ours != theirs:
            found += both(f"frames at {who}", *("; ".join(map(wire.describe, frames)) or "none"
                                                for frames in (ours, theirs)))
    found += of_services(kernel.services, xlvs.services)
    found += of_connections(kernel.conns, xlvs.conns)
    if numbers:
        for key in sorted({*kernel.numbers, *xlvs.numbers}, key=str):
            ours, theirs = (side.numbers.get(key, ((), ())) for side in (kernel, xlvs))
            if ours[0] != theirs[0]:
                found += both(f"counters of {key}", ours[0], theirs[0])
    return found


def both(label, kernel, xlvs):
    return [f"{label}:", f"  kernel: {kernel}", f"  xlvs:   {xlvs}"]


def of_services(kernel, xlvs):
    found = []
    for key in sorted({*kernel, *xlvs}, key=str):
        ours, theirs = kernel.get(key), xlvs.get(key)
        if ours == theirs:
            continue
        if not ours or not theirs or ours[0] != theirs[0]:
            found += both(f"service {key}", ours and ours[0], theirs and theirs[0])
        dests, others = (dict(side[1]) if side else {} for side in (ours, theirs))
        if list(dests) != list(others):
            found += both(f"destinations of {key}", list(dests), list(others))
        for dest in dests.keys() & others.keys():
            changed = {name for name in dests[dest] if dests[dest][name] != others[dest].get(name)}
            if changed:
                found += both(f"destination {dest} of {key}",
                              *({name: side[dest].get(name) for name in sorted(changed)}
                                for side in (dests, others)))
    return found


def of_connections(kernel, xlvs):
    found = []
    for key in sorted({*kernel, *xlvs}):
        ours, theirs = kernel.get(key), xlvs.get(key)
        if ours is None or theirs is None:
            if (ours or theirs)[2] > TOLERANCE_SEC:
                found += both(f"connection {key}", ours, theirs)
        elif ours[:2] != theirs[:2] or abs(ours[2] - theirs[2]) > TOLERANCE_SEC:
            found += both(f"connection {key}", ours, theirs)
    return found


def rates_differ(kernel, xlvs):
    """The averages of two estimators that looked at different moments: within a tenth or one."""
    found = []
    for key in sorted({*kernel.numbers, *xlvs.numbers}, key=str):
        ours, theirs = (side.numbers.get(key, ((), ()))[1] for side in (kernel, xlvs))
        if len(ours) != len(theirs) or any(abs(a - b) > max(1, a / 10)
                                           for a, b in zip(ours, theirs)):
            found += both(f"rates of {key}", ours, theirs)
    return found
