# SPDX-License-Identifier: LGPL-2.1-or-later
"""Namespaces of their own for each phase: nothing of the machine's cluster is seen, used or left behind.

The outer half starts this module again under unshare(1); the inner half lays out the directories, runs the
phase and writes its numbers to standard output as one JSON object.
"""

import fcntl
import importlib
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys

from .errors import BenchError

AGENTS = "/usr/lib/ocf/resource.d"
NULL_AGENT = """#!/bin/sh
case "$1" in meta-data) echo '<resource-agent name="null"/>';; esac
exit 0
"""
PHASE_LIMIT_S = 600
OPEN_FILES = 65536


def run_phase(program, phase, effort, daemon, programs):
    """One phase on a fresh daemon; a dictionary of measure name to number."""
    here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    client = [programs["lrmd-bench"]] + ([] if program == "pacemaker-execd" else ["-S"])
    request = json.dumps({"program": program, "phase": phase, "effort": effort, "daemon": daemon, "client": client,
                          "programs": programs})
    command = ["unshare", "--mount", "--pid", "--fork", "--net", "--ipc", "--uts", "--kill-child", "--mount-proc",
               sys.executable, "-B", "-m", "side_by_side.sandbox", request]
    # No variable of the caller may reach a daemon: PCMK_remote_port, say, would move it.
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": here, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, timeout=PHASE_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{phase} of {daemon} did not end in {PHASE_LIMIT_S} s") from error
    if done.returncode != 0:
        raise BenchError(f"{phase} of {daemon} failed; the reason stands above")
    return json.loads(done.stdout)


def _mount_tmpfs(place):
    os.makedirs(place, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "pcmk-bench", place], check=True)


def _bring_up_loopback():
    set_flags, up_and_running = 0x8914, 0x41  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up_and_running))


def _add_null_agent():
    """An agent that does nothing, so that what is measured is the executor; beside the real ones."""
    copy = "/run/agents"
    shutil.copytree(AGENTS, copy, symlinks=True)
    os.makedirs(copy + "/bench")
    with open(copy + "/bench/null", "w", encoding="ascii") as file:
        file.write(NULL_AGENT)
    os.chmod(copy + "/bench/null", 0o755)
    subprocess.run(["mount", "--bind", copy, AGENTS], check=True)


def _lay_out():
    if not os.path.isdir(AGENTS):
        raise BenchError(f"{AGENTS} is missing: apt-get install pacemaker-resource-agents")
    _bring_up_loopback()
    for place in ("/etc/pacemaker", "/run", "/var/log/pacemaker", "/var/lib/pacemaker", "/dev/shm"):
        _mount_tmpfs(place)
    # The agents' state directory, and where local IPC sockets and core files are looked for.
    for place in ("/run/resource-agents", "/run/pacemaker", "/run/crm", "/var/lib/pacemaker/cores",
                  "/var/lib/pacemaker/blackbox", "/var/lib/pacemaker/pengine", "/var/lib/pacemaker/cib"):
        os.makedirs(place, exist_ok=True)
    with open("/etc/pacemaker/authkey", "wb") as file:
        file.write(os.urandom(4096))
    os.chmod("/etc/pacemaker/authkey", 0o600)
    _add_null_agent()


def _inside(request):
    phases, client = (importlib.import_module("side_by_side." + name) for name in ("phases", "client"))
    _lay_out()
    phase = phases.PHASES[request["program"]][request["phase"]]
    # As a service manager starts daemons, and enough for the crowd.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    client.PROGRAMS = request["programs"]
    numbers = phase(request["daemon"], request["client"], phases.EFFORTS[request["effort"]])
    json.dump(numbers, sys.stdout)


if __name__ == "__main__":
    try:
        _inside(json.loads(sys.argv[1]))
    except (BenchError, OSError, subprocess.CalledProcessError) as problem:
        print(f"benches/run: {problem}", file=sys.stderr)
        sys.exit(1)
