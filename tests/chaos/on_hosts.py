# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events: a host has no space, little memory, a clock that jumps, or too many clients."""

import contextlib
import os
import resource
import signal
import subprocess
import time

from chaos.configuration import CLOCK
from chaos.events import bump, event, remoted_up
from chaos.on_agents import knob
from lab import daemons
from support.base import write_file


@event(1)
def log_full(pick):
    """The daemon is killed and starts again with no space for its log."""
    host, seconds = pick.managed(), pick.seconds(5, 10)

    def act(world):
        world.on(host, "sh", "-c", "mount -t tmpfs -o size=64k,mode=770 full /var/log/pacemaker && "
                 "dd if=/dev/zero of=/var/log/pacemaker/fill bs=1k count=64 2>/dev/null || :")
        try:
            for pid in world.daemon_pids(host):
                os.kill(pid, signal.SIGKILL)
            time.sleep(2)
            remoted_up(world, host)
            time.sleep(seconds)
        finally:
            world.on(host, "umount", "-l", "/var/log/pacemaker", check=False)
    return {"host": host, "seconds": seconds}, act


@event(2)
def shared_memory_full(pick):
    """Where local clients and servers meet there is no space; tools fail, the cluster goes on."""
    host, seconds = pick.managed(), pick.seconds(4, 10)

    def act(world):
        world.on(host, "sh", "-c", "mount -o remount,size=1m /dev/shm; cat /dev/zero >/dev/shm/fill || :", check=False)
        try:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                world.on(host, "timeout", "3", "crm_mon", "-1", check=False)
        finally:
            world.on(host, "sh", "-c", "rm -f /dev/shm/fill; mount -o remount,size=50% /dev/shm", check=False)
    return {"host": host, "seconds": seconds}, act


@event(2)
def memory_short(pick):
    """The daemon gets only a few MiB more than it has, while agents print much and tools come and go."""
    host, name, mib = pick.managed(), pick.of("cl", "pr", "p1"), pick.of(1, 4, 16)

    def act(world):
        for pid in world.daemon_pids(host):
            with open("/proc/%d/statm" % pid) as handle:
                now = int(handle.read().split()[0]) * resource.getpagesize()
            limit = now + mib * 1024 * 1024
            _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
            resource.prlimit(pid, resource.RLIMIT_AS, (limit, hard))
            knob(world, name, "monitor", "loud")
            with contextlib.suppress(ProcessLookupError):
                clients(world, host, 5, 3)
                resource.prlimit(pid, resource.RLIMIT_AS, (hard, hard))
    return {"host": host, "name": name, "mib": mib}, act


@event(4, needs="clock")
def clock_steps(pick):
    """The host's clock is set forward and back while monitors run and resources restart."""
    host, steps = pick.managed(), [pick.of(-86400, -3600, -5, 5, 3600, 86400) for _ in range(3)]
    pause = pick.seconds(2, 5)

    def act(world):
        path = world.root(host) + CLOCK
        for step in (*steps, 0):
            write_file(path + ".new", "%+d\n" % step)
            os.rename(path + ".new", path)
            bump(world, ["p1", "p2", "cl"])
            time.sleep(pause)
    return {"host": host, "steps": steps, "pause": pause}, act


@event(3)
def flood(pick):
    host, seconds, wide = pick.managed(), pick.of(5, 10), pick.of(3, 6)

    def act(world):
        clients(world, host, seconds, wide)
    return {"host": host, "seconds": seconds, "wide": wide}, act


TOOLS = """end=$(($(date +%%s) + %d))
for i in $(seq %d); do
    while [ $(date +%%s) -lt $end ]; do
        timeout 3 cibadmin -Q; timeout -s KILL 0.3 crm_mon -1
        timeout 3 crm_resource -l; timeout 3 crm_attribute -n cluster-name -G
    done >/dev/null 2>&1 &
done
wait"""


def clients(world, host, seconds, wide):
    """Run tools on a host without pause, `wide` at a time; one kind is killed in the middle."""
    target = world.host(host)
    words = ["timeout", "-k", "2", str(seconds + 15), "sh", "-c", TOOLS % (seconds, wide)]
    subprocess.run(world.lab.enter(target, words),
                   env=world.lab.exec_env(target), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=seconds + 25)


@event(2)
def clients_killed(pick):
    """Programs that watch the cluster from the host hang, and are killed while it changes."""
    host = pick.managed()

    def act(world):
        target = world.host(host)
        watchers = [subprocess.Popen(
            world.lab.enter(target, ["timeout", "-s", "KILL", "12", "crm_mon", "--interval=60", "--output-as=html",
                                     "--output-to=/tmp/watch-%d.html" % number]),
            env=world.lab.exec_env(target), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL) for number in range(3)]
        time.sleep(2)
        daemons.send_signal(world.lab, target, signal.SIGSTOP, "crm_mon")
        bump(world, ["p1", "cl", "pr"])
        time.sleep(4)
        daemons.send_signal(world.lab, target, signal.SIGKILL, "crm_mon")
        for watcher in watchers:
            watcher.wait(timeout=20)
    return {"host": host}, act
