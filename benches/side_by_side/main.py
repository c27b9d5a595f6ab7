# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line: which daemons, how thoroughly, and where the result goes."""

import argparse
import json
import os
import sys
import time

from . import distribution, sandbox, table
from .errors import BenchError
from .phases import EFFORTS, PHASES

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
OURS = os.path.join(REPOSITORY, "target", "release", "pacemaker-remoted")

DESCRIPTION = """\
Runs the distribution's unmodified pacemaker-remoted and ours in turn, each phase in namespaces and on a
daemon of its own, driven over TLS (4096-byte key) by a client linked with the distribution's liblrmd, and
prints a table with ratios. Absolute numbers belong to the machine; the ratios are what can be compared."""


def arguments():
    parser = argparse.ArgumentParser(prog="benches/run", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("effort", nargs="?", choices=sorted(EFFORTS), default="quick",
                        help="quick takes less than two minutes for two daemons, full about eight (default: quick)")
    parser.add_argument("--daemon", action="append", metavar="NAME=PATH", default=[],
                        help="measure this daemon instead of the two; repeatable; the first is the base of the "
                             "ratios; PATH may be the word 'distribution'")
    parser.add_argument("--phase", action="append", choices=list(PHASES), default=[],
                        help="only this phase; repeatable")
    parser.add_argument("--json", metavar="FILE", help="also write the numbers to FILE")
    return parser.parse_args()


def daemons(wanted):
    """The daemons to measure, name to path, the base of the ratios first."""
    chosen = {}
    for text in wanted or ["distribution=distribution", "ours=" + OURS]:
        name, separator, path = text.partition("=")
        if not separator or not name or not path:
            raise BenchError(f"--daemon wants NAME=PATH, not '{text}'")
        if name in chosen:
            raise BenchError(f"two daemons are called '{name}'")
        if path == "distribution":
            path = distribution.daemon()
        if not os.access(path, os.X_OK):
            hint = "; build it with: cargo build --release" if path == OURS else ""
            raise BenchError(f"{path} is not an executable file{hint}")
        chosen[name] = os.path.realpath(path)
    return chosen


def measure(chosen, phases, effort, client):
    """Every phase on every daemon. The daemons alternate, so that other load on the machine meets them alike."""
    results = {name: {} for name in chosen}
    for phase in phases:
        for name, path in chosen.items():
            print(f"measuring {phase}: {name}", file=sys.stderr, flush=True)
            results[name].update(sandbox.run_phase(phase, effort, path, client))
    return results


def main():
    options = arguments()
    began, load = time.monotonic(), os.getloadavg()[0]
    try:
        if os.geteuid() != 0:
            raise BenchError("namespaces and mounts need root")
        chosen = daemons(options.daemon)
        client = distribution.client(os.path.join(REPOSITORY, "benches"))
        results = measure(chosen, options.phase or PHASES, options.effort, client)
    except BenchError as error:
        print(f"benches/run: {error}", file=sys.stderr)
        return 1
    print(table.render(results))
    print(f"{options.effort} run, {os.cpu_count()} CPUs, load before it {load:.1f}, {time.monotonic() - began:.0f} s")
    if load > os.cpu_count() / 2:
        print("the machine was busy with something else: the CPU and start times are not to be trusted")
    for name, path in chosen.items():
        print(f"  {name}: {path}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"effort": options.effort, "daemons": chosen, "results": results}, file, indent=1)
    return 0
