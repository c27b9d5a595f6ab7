# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events: daemons and whole hosts are killed, stopped, hung and restarted."""

import signal
import time

from chaos.events import event, go_on, remoted_up
from lab import daemons
from support.base import poll_until


@event(3)
def remoted_killed(pick):
    host = pick.managed()

    def act(world):
        daemons.send_signal(world.lab, world.host(host), signal.SIGKILL)
        time.sleep(6)
    return {"host": host}, act


@event(3)
def remoted_hangs(pick):
    host, seconds = pick.managed(), pick.seconds(1, 20)

    def act(world):
        found = daemons.send_signal(world.lab, world.host(host), signal.SIGSTOP)
        time.sleep(seconds)
        go_on(found)
    return {"host": host, "seconds": seconds}, act


@event(3)
def remoted_terminated(pick):
    host, pause = pick.managed(), pick.seconds(0, 5)

    def act(world):
        # 3.0.0's scheduler never ends a transition in which the host of a resource that may migrate leaves.
        frozen = world.release != "2.1" and world.place("mig") == host
        if frozen:
            may_migrate(world, "false")
            time.sleep(1)
        try:
            terminate(world, host)
        finally:
            time.sleep(pause)
            remoted_up(world, host)
            if frozen:
                may_migrate(world, "true")
    return {"host": host, "pause": pause}, act


def terminate(world, host):
    target = world.host(host)
    old = daemons.status(world.lab, target)["pid"]
    daemons.send_signal(world.lab, target, signal.SIGTERM)
    # Fencing may have started another one meanwhile.
    poll_until("the daemon of %s to end" % host, lambda: daemons.status(world.lab, target)["pid"] != old, 90)
    status = daemons.status(world.lab, target)
    world.note("SIGTERM: it was fenced" if status["pid"] else "SIGTERM: exit %s" % status["exit"])


def may_migrate(world, value):
    world.admin("crm_resource", "-r", "mig", "--meta", "-p", "allow-migrate", "-v", value)


@event(2)
def node_power(pick):
    name = pick.remote()

    def act(world):
        node = world.place(name) or "n1"
        world.note("power cycle of %s" % node)
        daemons.power(world.lab, world.host(node), "reboot")
        time.sleep(5)
    return {"with_connection_of": name}, act


@event(2)
def controller_killed(pick):
    name = pick.remote()

    def act(world):
        node = world.place(name) or "n1"
        world.note("pacemaker-controld of %s" % node)
        daemons.send_signal(world.lab, world.host(node), signal.SIGKILL, "pacemaker-controld")
        time.sleep(5)
    return {"with_connection_of": name}, act


@event(2)
def execd_killed(pick):
    node, number, seconds = pick.node(), pick.of(signal.SIGKILL, signal.SIGSTOP), pick.seconds(1, 6)

    def act(world):
        found = daemons.send_signal(world.lab, world.host(node), number, "pacemaker-execd")
        time.sleep(seconds)
        go_on(found)
    return {"node": node, "signal": int(number), "seconds": seconds}, act


@event(2)
def remote_power(pick):
    host = pick.remote()

    def act(world):
        daemons.power(world.lab, world.host(host), "reboot")
        time.sleep(3)
    return {"host": host}, act
