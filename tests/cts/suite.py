# SPDX-License-Identifier: LGPL-2.1-or-later
"""The suite from outside: starts the lanes, waits for their verdicts, reports."""

import ctypes
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from cts.files import SUITE, die, read, write
from support import cgroups, roots

HERE = os.path.dirname(os.path.abspath(__file__))
PASSED_ON = r"PCMK_|RUST_|.*SAN_OPTIONS$"
START_LIMIT = 120
PR_SET_PDEATHSIG = 1


class Suite:
    def __init__(self, args):
        self.args = args
        self.root = os.path.abspath(args.root) if args.root else roots.root(args.release)
        # Debian 12 does not package the suite: it is Debian 13's, and its programs are their own.
        self.suite_root = roots.root("3.0") if args.release == "2.1" else self.root
        if not os.path.exists(self.suite_root + SUITE + "cts-exec"):
            die("%s has no %scts-exec; a root made by tests/roots has" % (self.suite_root, SUITE))
        self.mode = "remoted" if args.remoted else "execd"
        self.cgroup = None if args.no_systemd else cgroups.hierarchy()
        if not self.cgroup and not args.no_systemd:
            die("no writable cgroup v2 hierarchy, which systemd in the sandbox needs "
                "(see --no-systemd)")
        self.lanes = []                # (process, its cgroup or "")
        self.told = set()

    def config(self):
        """What every lane is told."""
        args, daemon = self.args, self.args.execd or self.args.remoted
        if daemon == "distribution":
            daemon = roots.remoted(args.release) if args.remoted else None
        for path in filter(None, (daemon, args.lib)):
            if not os.path.isfile(path):
                die("%s: no such file" % path)
        return dict(
            vars(args), inside="cts.lane", root=self.root, suite_root=self.suite_root,
            work=self.work, mode=self.mode,
            daemon=daemon and os.path.abspath(daemon), systemd=bool(self.cgroup),
            lib=args.lib and os.path.abspath(args.lib),
            libs=[os.path.abspath(path) for path in args.libs],
            env={k: v for k, v in os.environ.items() if re.match(PASSED_ON, k)})

    def run(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(2))
        self.work = tempfile.mkdtemp(prefix="cts-run.")
        start = time.time()
        try:
            for sub in ("mnt", "logs", "claimed", "code"):
                os.mkdir(os.path.join(self.work, sub))
            for package in ("cts", "support", "systemd", "packages"):
                shutil.copytree(os.path.join(os.path.dirname(HERE), package),
                                os.path.join(self.work, "code", package))
            config = self.config()
            alone = self.args.suite == "cli" or self.args.list
            for number in range(1 if alone else max(1, self.args.lanes)):
                self.start_lane(config, number)
            self.wait(start)
            if os.path.exists(self.work + "/error"):
                die("cannot run this binary here:\n  " + read(self.work + "/error"))
            passed, failed, skipped = self.report()
            print("wall %.0f s\n%d passed, %d failed, %d skipped" % (
                time.time() - start, passed, failed, skipped))
            return 1 if failed or not passed + skipped else 0
        finally:
            self.clean_up()

    def start_lane(self, config, number):
        lane = "lane%d" % number
        path = "%s/%s.json" % (self.work, lane)
        write(path, json.dumps(dict(config, lane=lane)))
        group = ""
        if self.cgroup:
            group = "%s/%s.%d" % (self.cgroup, os.path.basename(self.work), number)
            os.mkdir(group)
        with open("%s/%s.log" % (self.work, lane), "ab") as out:
            process = subprocess.Popen(
                [*cgroups.joining(group), "unshare", "-mpniu" + ("C" if group else ""), "--fork",
                 "--kill-child", sys.executable, self.work + "/code/cts/cts-run", "_box", path],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        self.lanes.append((process, group))

    def wait(self, start):
        """Until all lanes have ended, telling verdicts as they come."""
        over = False
        while not over:
            over = all(process.poll() is not None for process, _ in self.lanes)
            over = over or (time.time() > start + START_LIMIT
                            and not glob.glob(self.work + "/names.*"))
            for path in sorted(set(glob.glob(self.work + "/result.*.")) - self.told):
                self.told.add(path)
                verdict, took = json.loads(read(path))
                print("%-8.7s%6.1fs  %s" % (verdict, took, path.split("/result.")[1][:-1]),
                      flush=True)
            time.sleep(0.1)

    def clean_up(self):
        deadline = time.monotonic() + 10
        for process, group in self.lanes:
            process.kill()                    # unshare; its --kill-child ends the lane with it
            process.wait()
            if group:
                cgroups.remove(group, deadline)
        if self.args.keep_logs:
            shutil.copytree(self.work + "/logs", self.args.keep_logs, dirs_exist_ok=True)
        shutil.rmtree(self.work, ignore_errors=True)

    # -- reports -----------------------------------------------------------

    def report(self):
        return self.report_cli() if self.args.suite == "cli" else self.report_exec()

    def report_cli(self):
        text = read(self.work + "/logs/cts-cli.log")
        status = json.loads(read(self.work + "/status") or "-1")
        passed, failed = (len(re.findall(r"^\* %s: " % word, text, re.M))
                          for word in ("Passed", "Failed"))
        if status != 0:  # also when every command passed but an output differs
            print("cts-cli: exit status %s; the end of its output:" % (
                "- (hung, killed)" if status is None else status))
            print(tail(self.work + ("/logs/cts-cli.log" if text else "/lane0.log"), 80,
                       r"\* (Running|Passed)"))
        differing = len(re.findall(r"^\+\+\+ ", text, re.M))
        return passed, max(failed, differing, int(status != 0)), 0

    def report_exec(self):
        lists = glob.glob(self.work + "/names.*[0-9]")
        names = read(lists[0]).split() if lists else []
        if not names:
            die("no such test here, or the sandbox did not start\n"
                + tail(self.work + "/lane0.log", 20))
        if self.args.list:
            print("\n".join(names))
            sys.exit(0)
        lost = '["failed (its sandbox ended first)", 0]'
        verdicts = {name: json.loads(read("%s/result.%s." % (self.work, name)) or lost)[0]
                    for name in names}
        for name in [name for name in names if verdicts[name].startswith("failed")]:
            self.explain(name, verdicts[name])
        passed, skipped = (list(verdicts.values()).count(word)
                           for word in ("passed", "skipped"))
        return passed, len(names) - passed - skipped, skipped

    def explain(self, name, verdict):
        print("\nFAILED %s: %s\n%s" % (name, verdict, tail(
            "%s/logs/%s.log" % (self.work, name), 12,
            "Installing|Removing|Testing |Running |Using ")))
        for log in sorted(glob.glob("%s/logs/%s.*.log" % (self.work, name))):
            print("    end of %s:\n%s" % (os.path.basename(log)[len(name) + 1:], tail(log, 12)))


def tail(path, count, drop="$^"):
    return "\n".join(["      " + line for line in read(path).splitlines()
                      if line.strip() and not re.match(drop, line)][-count:])
