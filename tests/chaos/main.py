# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command: options, rounds and their report."""

import argparse
import json
import os
import shlex
import signal
import sys
import tempfile
import time

from chaos import agents, configuration, events, rounds
from chaos.world import MANAGED
from lab import bringup, cli, teardown
from lab.state import Lab
from support import roots
from support.base import EX_MISSING, LabError, log, write_file

USAGE = """\
Does by seed what goes wrong in clusters (killed and hanging daemons, broken links, bad agents, floods,
full disks, little memory, split cluster nodes) to a lab of two cluster nodes, two remote nodes and a
guest, lets it settle, and checks that the cluster, the agents and the daemons are as they should be:
no run lost, doubled or beside another, no result without a run, nothing left behind.

Round K of --seed N is the round of --seed N+K: any round can be played alone.  A round that failed
leaves its logs and result.json in --out, with the command that plays it again; the next round gets
another lab.  --plant proves the checks: it must end with failed rounds.

Exit status: 0 all rounds passed, 1 one failed, 3 something is missing.  Last line: N passed, N failed."""

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELEASE_DIRECTORY = os.path.join(REPOSITORY, "target/release")


def parser():
    top = argparse.ArgumentParser(prog="tests/chaos/run", description=USAGE,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--version", choices=sorted(roots.RELEASES), default="3.0",
                     help="release of the cluster (default 3.0)")
    top.add_argument("--seed", type=int, default=1, help="of the first round (default 1)")
    top.add_argument("--rounds", type=int, default=1, metavar="N", help="how many (default 1)")
    top.add_argument("--minutes", type=float, metavar="N", help="begin no round after N minutes")
    top.add_argument("--plan", action="store_true", help="only say what the rounds would do")
    top.add_argument("--out", metavar="DIR", help="where results go (default: a new directory in $TMPDIR)")
    add_choice(top)
    add_programs(top)
    return top


def add_choice(top):
    top.add_argument("--only", metavar="EVENT", choices=sorted(events.REGISTRY),
                     help="this event alone, at once (%s)" % ", ".join(sorted(events.REGISTRY)))
    top.add_argument("--focus", metavar="HOST", choices=MANAGED,
                     help="what can be done to any remote or guest node is done to this one")
    top.add_argument("--events", type=int, metavar="N", help="so many events in each round (default: one or two)")
    top.add_argument("--tls", choices=("psk", "x509"), default="psk",
                     help="x509 (3.0): certificates, which are swapped, too")
    top.add_argument("--clock", action="store_true",
                     help="remote daemons run with libfaketime, and their clocks are set forward and back")
    top.add_argument("--quiet", type=int, default=rounds.QUIET, metavar="S",
                     help="after each round look for S seconds whether monitors recur in time (default %(default)s)")
    top.add_argument("--plant", choices=agents.FAULTS, help="a fault to find: runs that are dropped, doubled, overlap")
    top.add_argument("--one-in", type=int, default=1000, metavar="N", help="one run in N has it (default %(default)s)")


def add_programs(top):
    top.add_argument("--remoted", metavar="PATH", default=os.path.join(RELEASE_DIRECTORY, "pacemaker-remoted"),
                     help="the daemon under test (default: %(default)s), or 'distribution'")
    top.add_argument("--execd", metavar="PATH", default=os.path.join(RELEASE_DIRECTORY, "pacemaker-execd"),
                     help="the executor of the cluster nodes (default: %(default)s), or 'distribution'")
    top.add_argument("--lib-over", metavar="FILE", help="our liblrmd.so.N on every host")


def features(args):
    return {args.tls} | ({"clock"} if args.clock else set())


def choice(args):
    return {"count": args.events, "focus": args.focus, "only": args.only}


def up_words(args):
    root = roots.root(args.version)
    remoted = roots.remoted(args.version) if args.remoted == "distribution" else os.path.abspath(args.remoted)
    words = [*configuration.OPTIONS, "--node-root", root, "--remote-root", root, "--remoted", remoted,
             "--tls", args.tls]
    if args.execd != "distribution":
        words += ["--execd", os.path.abspath(args.execd)]
    if args.lib_over:
        words += ["--lib-over", os.path.abspath(args.lib_over)]
    return words + (configuration.clock_options() if args.clock else [])


def repeat(seed):
    """The command that plays the round of a seed again, with the options of this one."""
    words, skip = [], False
    for word in sys.argv[1:]:
        plain = word.partition("=")[0]
        if skip or plain in ("--seed", "--rounds", "--minutes", "--out"):
            skip = not skip and plain == word
            continue
        words.append(word)
    return "tests/chaos/run --seed %d %s" % (seed, shlex.join(words))


class Runner:
    """One lab after the other: a new one after a round that failed."""

    def __init__(self, args, out):
        self.args, self.out = args, out
        self.lab = self.rounds = None

    def play(self, seed):
        try:
            if self.rounds is None:
                self.bring_up()
            return self.rounds.play(seed, **choice(self.args))
        except LabError as exc:
            return {"seed": seed, "release": self.args.version, "events": [], "settle": 0, "judged": 0,
                    "problems": ["the lab: %s" % exc], "notes": [], "errors": []}

    def bring_up(self):
        base = tempfile.mkdtemp(prefix="chaos-", dir=self.out)
        self.lab = Lab(os.path.join(base, "lab"))
        bringup.up(self.lab, cli.up_options(*up_words(self.args)))
        self.rounds = rounds.Rounds(self.lab, self.args.version, self.args.execd != "distribution",
                                    features(self.args), self.args.quiet)
        planted = (self.args.plant, self.args.one_in) if self.args.plant else None
        print("# lab up, settled after %.1f s" % self.rounds.begin(planted), flush=True)

    def take_down(self, keep=None):
        """End the lab; what its hosts and agents have logged goes to `keep`."""
        lab, played = self.lab, self.rounds
        self.lab = self.rounds = None
        if not lab or not os.path.exists(lab.state_path):
            return
        try:
            lab.load()
            if keep:
                if played:
                    played.save()
                teardown.collect(lab, keep)
            teardown.tear_down(lab, force=True, timeout=5)
        except LabError as exc:
            print("# the lab does not end: %s" % exc, flush=True)

    def tell(self, result):
        with open(os.path.join(self.out, "rounds.jsonl"), "a") as handle:
            handle.write(json.dumps(result) + "\n")
        print("%s seed %d, settled in %.1f s, %d gaps: %s" % (
            "FAILED" if result["problems"] else "passed", result["seed"], result["settle"], result["judged"],
            "; ".join("%s %s +%.1f" % (name, json.dumps(parameters), delay)
                      for name, parameters, delay in result["events"])))
        for key in ("problems", "notes", "errors"):
            for line in result[key][:12]:
                print("    %s: %s" % (key[:-1], line[:400]))
        sys.stdout.flush()

    def keep(self, result):
        """Keep a failed round, with the command that repeats it."""
        place = os.path.join(self.out, "failed-%s-%d" % (self.args.version, result["seed"]))
        os.makedirs(place, exist_ok=True)
        command = repeat(result["seed"])
        write_file(os.path.join(place, "result.json"), json.dumps({**result, "command": command}, indent=1) + "\n")
        print("    again: %s\n    logs: %s" % (command, place), flush=True)
        self.take_down(place)


def run(args, out):
    """Play the rounds; return how many passed and failed."""
    runner, passed, failed, begin = Runner(args, out), 0, 0, time.monotonic()
    try:
        for seed in range(args.seed, args.seed + args.rounds):
            if args.minutes and time.monotonic() - begin > args.minutes * 60:
                print("# no time for seed %d and later" % seed)
                break
            result = runner.play(seed)
            runner.tell(result)
            if result["problems"]:
                failed += 1
                runner.keep(result)
            else:
                passed += 1
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        runner.take_down()
    return passed, failed


def main():
    top = parser()
    args = top.parse_args()
    if args.tls == "x509" and args.version == "2.1":
        top.error("certificates came with 3.0")
    if args.only and args.only not in events.possible(features(args)):
        top.error("%s needs --clock or another --tls" % args.only)
    if args.plan:
        for seed in range(args.seed, args.seed + args.rounds):
            print(seed, [event._replace(act=None) for event in rounds.planned(seed, features(args), **choice(args))])
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        bringup.check_machine()
        up_words(args)
    except LabError as exc:
        log("chaos: %s" % exc)
        return EX_MISSING
    out = os.path.abspath(args.out) if args.out else tempfile.mkdtemp(prefix="pcmk-chaos-")
    os.makedirs(out, exist_ok=True)
    passed, failed = run(args, out)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0
