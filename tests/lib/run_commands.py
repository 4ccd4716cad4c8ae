#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a program once for each list of words in the JSON array on standard input, a list [words,
input]; prints the JSON array of [exit status, output, error output]. The argument is the program."""

import json
import subprocess
import sys


def run(words, given):
    done = subprocess.run([sys.argv[1], *words], input=given, capture_output=True, text=True)
    return [done.returncode, done.stdout, done.stderr.replace(sys.argv[1], "ipvsadm")]


json.dump([run(words, given) for words, given in json.load(sys.stdin)], sys.stdout)
