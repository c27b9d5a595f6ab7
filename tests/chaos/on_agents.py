# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events: agents misbehave; the administrator moves, restarts and refreshes."""

import os
import time

from chaos.events import bump, event
from chaos.world import NAMES
from support.base import write_file


def knob(world, name, action, mode):
    """Have the next run of this action of a resource go wrong."""
    write_file(os.path.join(world.shared, "knob.%s.%s" % (name, action)), mode + "\n")
    if action != "monitor":
        bump(world, [name])


@event(3)
def agent_fails(pick):
    name = pick.of(*NAMES)

    def act(world):
        knob(world, name, "monitor", "fail")
        time.sleep(4)
    return {"name": name}, act


@event(3)
def agent_hangs(pick):
    name, mode, action = pick.of(*NAMES), pick.of("hang", "stubborn"), pick.of("monitor", "monitor", "start")

    def act(world):
        knob(world, name, action, mode)
        time.sleep(14)
    return {"name": name, "mode": mode, "action": action}, act


@event(2)
def agent_loud(pick):
    name, action = pick.of(*NAMES), pick.of("monitor", "start")

    def act(world):
        knob(world, name, action, "loud")
        time.sleep(5)
    return {"name": name, "action": action}, act


@event(1)
def agent_slow(pick):
    name, action = pick.of(*NAMES), pick.of("start", "stop")

    def act(world):
        knob(world, name, action, "slow")
        time.sleep(2)
        world.admin("crm_resource", "-r", name, "--refresh", timeout=60)
    return {"name": name, "action": action}, act


@event(3)
def standby(pick):
    host, seconds = pick.any_host(), pick.seconds(0.5, 8)

    def act(world):
        world.admin("crm_standby", "-N", host, "-v", "on", check=True)
        time.sleep(seconds)
        world.admin("crm_standby", "-N", host, "-D", check=True)
    return {"host": host, "seconds": seconds}, act


@event(3)
def refresh(pick):
    times, how = pick.of(1, 2, 4), pick.of("--refresh", "--cleanup")

    def act(world):
        for _ in range(times):
            bump(world, ["p1", "p2", "p3", "p4", "cl", "pr"])
            world.admin("crm_resource", how, timeout=60)
    return {"times": times, "how": how}, act


@event(2)
def restart_many(pick):
    names, times = pick.some(5, NAMES), pick.of(1, 2)

    def act(world):
        for _ in range(times):
            bump(world, names)
            time.sleep(0.5)
    return {"names": names, "times": times}, act


@event(2)
def migrate(pick):
    target = pick.of("r2", "g1", "n1", "n2")

    def act(world):
        world.admin("crm_resource", "-r", "mig", "--move", "-N", target)
        time.sleep(4)
        world.admin("crm_resource", "-r", "mig", "--clear")
    return {"to": target}, act
