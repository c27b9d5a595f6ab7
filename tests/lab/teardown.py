# SPDX-License-Identifier: LGPL-2.1-or-later
"""Taking a lab down, and saving what happened in it."""

import contextlib
import json
import os
import shutil
import signal
import time

from lab import control, daemons
from support import cgroups
from support.base import LabError, poll_until, start_time

QUESTIONS = {"crm_mon": ["crm_mon", "-1", "-Arfn"], "cib.xml": ["cibadmin", "-Q"],
             "crm_mon.xml": ["crm_mon", "-1", "--output-as=xml"],
             "quorum": ["corosync-quorumtool", "-s"]}


def stop_all(lab, hosts, name, timeout):
    """SIGTERM a daemon on several hosts; return a sentence for each that did not end."""
    problems, waiting = [], []
    for host in hosts:
        with contextlib.suppress(LabError):
            control.ask(lab.hostdir(host), request="signal", name=name,
                        signal=int(signal.SIGTERM))
            waiting.append(host)
    deadline = time.monotonic() + timeout
    for host in waiting:
        try:
            daemons.wait_end(lab, host, name, max(0.1, deadline - time.monotonic()))
        except LabError as exc:
            problems.append("%s (killed instead)" % exc)
    return problems


def kill_init(lab, host):
    """End the namespaces of a host by killing its init, or unshare if that never came."""
    with contextlib.suppress(ProcessLookupError):
        if lab.alive(host):
            os.kill(host["pid"], signal.SIGKILL)
        elif host.get("outer") and start_time(host["outer"]) == host.get("outer_start"):
            os.kill(host["outer"], signal.SIGKILL)


def tear_down(lab, force, timeout):
    """Stop the daemons in order unless forced, then end every namespace."""
    problems = []
    if not force:
        live = [h for h in lab.hosts() if lab.alive(h)]
        nodes = [h for h in live if h["kind"] == "node"]
        problems += stop_all(lab, nodes, "pacemakerd", timeout)
        problems += stop_all(lab, [h for h in live if h["kind"] != "node"],
                             "pacemaker-remoted", timeout)
        problems += stop_all(lab, nodes, "corosync", timeout)
    ends = [h for h in [*lab.hosts(), lab.state["switch"]] if h]
    for host in ends:
        kill_init(lab, host)

    def gone():
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        return not any(lab.alive(h) for h in ends)

    poll_until("the namespaces to end", gone, 20, 0.05)
    for host in ends:
        if host.get("cgroup"):
            cgroups.remove(host["cgroup"], time.monotonic() + 5)
        base = lab.hostdir(host)
        for name in ("ctl", "ctl.new", "spec.json"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(base, name))
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(base, "mnt"))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(lab.state_path)
    return problems


def collect(lab, target):
    """Copy logs, configuration and status of every host to a directory."""
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, "state.json"), "w") as handle:
        json.dump(lab.state, handle, indent=1)
    for host in [lab.state["switch"], *lab.hosts()]:
        if not host:
            continue
        out = os.path.join(target, host["name"])
        with contextlib.suppress(shutil.Error, OSError):
            shutil.copytree(os.path.join(lab.hostdir(host), "log"), os.path.join(out, "log"),
                            dirs_exist_ok=True, ignore_dangling_symlinks=True)
        with contextlib.suppress(OSError):
            shutil.copyfile(os.path.join(lab.hostdir(host), "init.log"),
                            os.path.join(out, "init.log"))
        if host["kind"] != "switch" and lab.alive(host):
            collect_live(lab, host, out)


def collect_live(lab, host, out):
    root = lab.root_of(host)
    for path in ("/var/lib/pacemaker", "/etc/corosync"):
        if os.path.isdir(root + path):
            with contextlib.suppress(shutil.Error, OSError):
                shutil.copytree(root + path, out + path, dirs_exist_ok=True)
    questions = {"ss": ["ss", "-tanp"], "ip": ["ip", "addr"]}
    if host["kind"] == "node":
        questions.update(QUESTIONS)
    texts = {"ps": "".join("%d %s\n" % (pid, line) for pid, _, line in lab.processes(host))}
    for name, argv in questions.items():
        try:
            result = lab.inside(host, *argv, timeout=10, check=False)
            texts[name] = result.stdout + result.stderr
        except LabError as exc:
            texts[name] = "%s\n" % exc
    for name, text in texts.items():
        with open(os.path.join(out, name + ".txt"), "w") as handle:
            handle.write(text)
