# SPDX-License-Identifier: LGPL-2.1-or-later
"""One daemon under the suite with the programs of every release, side by side."""

import os
import re
import subprocess
import sys
import threading

from cts.files import LIBRARIES

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "target/release")
#: sandboxes for each release; a test waits nine tenths of its time
LANES = 4


def one(release, words, results):
    """Run the suite for a release, its lines marked; add its exit status and its counts."""
    process = subprocess.Popen(
        [os.path.join(HERE, "cts-run"), "exec", "--release", release, *words], text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    counts = None
    for line in process.stdout:
        counts = re.match(r"(\d+) passed, (\d+) failed, (\d+) skipped", line) or counts
        print("%s  %s" % (release, line), end="", flush=True)
    results.append((process.wait(), [int(word) for word in counts.groups()] if counts else None))


def run(option, program, words):
    """Run the suite for --release, or for all; return the exit status."""
    chosen = sorted(LIBRARIES)
    if "--release" in words:
        place = words.index("--release")
        chosen = words[place + 1:place + 2]
        words = words[:place] + words[place + 2:]
    if not any(word.startswith(option) for word in words):
        words = [option, os.path.join(PROGRAMS, program), *words]
    results = []
    threads = [threading.Thread(target=one, args=(release, ["--lanes", str(LANES), *words], results))
               for release in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [numbers for _, numbers in results if numbers]
    if counts:
        print("%d passed, %d failed, %d skipped" % tuple(map(sum, zip(*counts))))
    sys.stdout.flush()
    return max(status for status, _ in results)
