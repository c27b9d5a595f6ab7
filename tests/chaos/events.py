# SPDX-License-Identifier: LGPL-2.1-or-later
"""The events of a round: registered by on_*.py, drawn by seed with all their parameters, done later."""

import collections
import contextlib
import os
import signal
import time

from chaos.world import MANAGED, NODES, REMOTES
from lab import daemons
from support.base import LabError

#: {name: (weight, function, what the lab must have)}
REGISTRY = {}

#: `act` takes the thread's World
Event = collections.namedtuple("Event", "name parameters act delay")


def event(weight, needs=None):
    """Decorator: `function(pick)` draws parameters and returns (parameters, act)."""
    def register(function):
        REGISTRY[function.__name__] = (weight, function, needs)
        return function
    return register


class Pick:
    """What an event draws from: the round's own random numbers, in the lab as it is."""

    def __init__(self, random, focus=None):
        self.random, self.focus = random, focus

    def of(self, *choices):
        return self.random.choice(choices)

    def seconds(self, least, most):
        return round(self.random.uniform(least, most), 1)

    def some(self, count, choices):
        return self.random.sample(choices, count)

    def managed(self):
        """A host with a pacemaker-remoted; the one in focus, if there is one."""
        return self.focus or self.of(*MANAGED)

    def remote(self):
        return self.focus if self.focus in REMOTES else self.of(*REMOTES)

    def any_host(self):
        return self.focus or self.of(*MANAGED, *NODES)

    def node(self):
        return self.of(*NODES)


def possible(features):
    """The names of the events that a lab with these features knows, with their weights."""
    return {name: weight for name, (weight, _, needs) in REGISTRY.items() if not needs or needs in features}


def draw(random, features, count=None, focus=None, only=None):
    """The events of a round: one or two, or `count` of them, each of another kind."""
    pick, weights = Pick(random, focus), possible(features)
    wanted = 1 if only else min(count or random.choice([1, 1, 2]), len(weights))
    chosen = {}
    while len(chosen) < wanted:
        name = only or random.choices(list(weights), list(weights.values()))[0]
        parameters, act = REGISTRY[name][1](pick)
        delay = 0.0 if only else pick.seconds(0, 3)
        chosen.setdefault(name, Event(name, parameters, act, delay))
    return list(chosen.values())


# -- what several events do ---------------------------------------------------

def remoted_up(world, host):
    """See that the daemon runs in the end, as an administrator would."""
    with contextlib.suppress(LabError):
        if not daemons.status(world.lab, world.host(host))["pid"]:
            daemons.start_remoted(world.lab, world.host(host))


def go_on(processes):
    for pid, _, _ in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def bump(world, names):
    """Change a parameter of resources, so that they restart."""
    for name in names:
        world.admin("crm_resource", "-r", name, "-p", "generation", "-v", "%.3f" % time.time())
