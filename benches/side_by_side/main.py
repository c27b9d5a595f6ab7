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
BUILT = os.path.join(REPOSITORY, "target", "release")
# What is measured under each name, and where ours is. For liblrmd it is a directory with the library.
FROM_DISTRIBUTION = {"pacemaker-remoted": distribution.remoted, "pacemaker-execd": distribution.execd,
                     "liblrmd": distribution.library_directory, "certificates": distribution.remoted_3_0}
OURS = {"pacemaker-remoted": os.path.join(BUILT, "pacemaker-remoted"),
        "pacemaker-execd": os.path.join(BUILT, "pacemaker-execd"),
        "liblrmd": os.path.join(REPOSITORY, "target", "dropin", "2.1"),
        "certificates": os.path.join(BUILT, "pacemaker-remoted")}

DESCRIPTION = """\
Runs the distribution's unmodified daemons and ours in turn, each phase in namespaces and on a daemon of its
own, and prints a table with ratios and targets for each program. pacemaker-remoted is driven over TLS (4096-byte
key), pacemaker-execd over local IPC, by a client linked with the distribution's liblrmd; liblrmd under that
client, against both daemons; certificates, beside a key, are measured with the daemon and the client of 3.0.0. Calls are measured with daemon and client on one CPU, beside an echo that does
nothing else, since across CPUs a wake-up costs as much as the call itself. Absolute numbers belong to the machine;
the ratios are what can be compared."""


def arguments():
    parser = argparse.ArgumentParser(prog="benches/run", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("effort", nargs="?", choices=sorted(EFFORTS), default="quick",
                        help="quick takes less than five minutes for all, full about twenty (default: quick)")
    parser.add_argument("--program", action="append", choices=list(PHASES), default=[],
                        help="only this program; repeatable")
    parser.add_argument("--daemon", action="append", metavar="NAME=PATH", default=[],
                        help="measure this daemon instead of the two; repeatable; the first is the base of the "
                             "ratios, and the last is held against the targets; PATH may be the word 'distribution'; "
                             "needs --program")
    parser.add_argument("--phase", action="append", choices=sorted({phase for phases in PHASES.values() for phase in phases}), default=[],
                        help="only this phase; repeatable")
    parser.add_argument("--json", metavar="FILE", help="also write the numbers to FILE")
    options = parser.parse_args()
    if options.daemon and len(options.program) != 1:
        parser.error("--daemon needs one --program")
    return options


def daemons(program, wanted):
    """The daemons to measure, name to path, the base of the ratios first."""
    chosen = {}
    ours = OURS[program]
    for text in wanted or ["distribution=distribution", "ours=" + ours]:
        name, separator, path = text.partition("=")
        if not separator or not name or not path:
            raise BenchError(f"--daemon wants NAME=PATH, not '{text}'")
        if name in chosen:
            raise BenchError(f"two daemons are called '{name}'")
        if path == "distribution":
            path = FROM_DISTRIBUTION[program]()
        if not os.access(path, os.X_OK):
            hint = "; build it with: make build dropin" if path == ours else ""
            raise BenchError(f"{path} is not there, or not executable{hint}")
        chosen[name] = os.path.realpath(path)
    return chosen


def measure(program, chosen, wanted, effort, programs):
    """Every phase on every daemon. The daemons alternate, so that other load on the machine meets them alike."""
    results = {name: {} for name in chosen}
    for phase in PHASES[program]:
        if wanted and phase not in wanted:
            continue
        for name, path in chosen.items():
            print(f"measuring {program}, {phase}: {name}", file=sys.stderr, flush=True)
            try:
                results[name].update(sandbox.run_phase(program, phase, effort, path, programs))
            except BenchError as error:
                # What the others cannot do is a result too; ours has to.
                if name == list(chosen)[-1]:
                    raise
                print(f"benches/run: {error}", file=sys.stderr)
    return results


def main():
    options = arguments()
    began, load = time.monotonic(), os.getloadavg()[0]
    results, paths = {}, {}
    try:
        if os.geteuid() != 0:
            raise BenchError("namespaces and mounts need root")
        programs = {name: distribution.program(name, os.path.join(REPOSITORY, "benches"))
                    for name in ("lrmd-bench", "lrmd-many", "bare-loop", "bare-qb", "bare-tls")}
        programs["servers"] = {"distribution": distribution.remoted(), "ours": OURS["pacemaker-remoted"]}
        if "certificates" in (options.program or PHASES):
            programs.update(distribution.programs_3_0(os.path.join(REPOSITORY, "benches")))
        for program in options.program or PHASES:
            paths[program] = daemons(program, options.daemon)
            results[program] = measure(program, paths[program], options.phase, options.effort, programs)
    except BenchError as error:
        print(f"benches/run: {error}", file=sys.stderr)
        return 1
    for program, numbers in results.items():
        print(table.render(program, numbers) + "\n")
    print(f"{options.effort} run, {os.cpu_count()} CPUs, load before it {load:.1f}, {time.monotonic() - began:.0f} s")
    if load > os.cpu_count() / 2:
        print("the machine was busy with something else: the CPU and start times are not to be trusted")
    for chosen in paths.values():
        for name, path in chosen.items():
            print(f"  {name}: {path}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"effort": options.effort, "daemons": paths, "results": results}, file, indent=1)
    return 0
