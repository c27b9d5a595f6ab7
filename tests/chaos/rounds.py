# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rounds over one lab: what is done, the wait until it has settled, the checks."""

import os
import random
import shutil
import threading
import time

from chaos import configuration, events, on_agents, on_daemons, on_hosts, on_links, processes, runs, settled
from chaos.world import HOSTS, MANAGED, NODES, World, uptime
from support.base import LabError

#: seconds in which monitors are watched after a round; each recurs in it
QUIET = 15
#: a process that is so late, in seconds, may be why a round has failed
STARVED = 1
EVENTS = (on_agents, on_daemons, on_hosts, on_links)


def planned(seed, features, count=None, focus=None, only=None):
    """What the round of a seed does, in a lab with these features."""
    return events.draw(random.Random("chaos-%d" % seed), features, count, focus, only)


class Rounds:
    """`features`: what the lab has that some events need (psk or x509, clock)."""

    def __init__(self, lab, release, ours_execd, features, quiet=QUIET, patience=90):
        self.world = World(lab, release, ours_execd)
        self.features, self.quiet, self.patience = features, quiet, patience
        self.holdings = processes.Holdings()
        #: gaps between monitors that the last look has judged
        self.judged = 0

    def begin(self, planted=None):
        """Give the lab its resources, and wait until they run."""
        configuration.install(self.world.lab, planted)
        took, wrong = self.settle(150)
        if wrong:
            raise LabError("the lab does not settle at all: " + "; ".join(wrong))
        time.sleep(4)
        self.holdings.check(self.world)
        return took

    def settle(self, patience):
        """Wait until nothing is wrong three times running: (seconds, what is wrong)."""
        begin, good, wrong = time.monotonic(), 0, []
        while time.monotonic() - begin < patience:
            try:
                wrong = settled.unsettled(self.world)
            except (LabError, OSError) as exc:
                wrong = [str(exc)]
            good = 0 if wrong else good + 1
            if good == 3:
                return time.monotonic() - begin, []
            time.sleep(0.5)
        return time.monotonic() - begin, wrong or ["not quiet for three looks"]

    def play(self, seed, **choice):
        """The round of a seed; what came of it."""
        chosen = planned(seed, self.features, **choice)
        world = self.world
        world.lab.load()
        world.notes = []
        since, positions, before = uptime(), self.positions(), processes.watched(world)
        metronome = runs.Metronome()
        self.act(chosen)
        world.lab.load()
        took, problems = self.wait()
        self.forget_knobs()
        self.judged = 0
        if not problems:
            self.check(problems, chosen, positions, since, metronome)
        metronome.stop()
        late = metronome.latest(since, uptime())
        if late > STARVED:
            world.note("this machine was starved: a process was %.1f s late" % late)
        for key, pid in processes.watched(world).items():
            if before.get(key) != pid:
                place = world.notes if processes.may_restart(key, chosen) else problems
                place.append("%s of %s is another process now" % (key[1], key[0]))
        texts = self.texts(positions, MANAGED)
        problems += processes.panics(texts)
        return {"seed": seed, "release": world.release, "settle": round(took, 1), "judged": self.judged,
                "events": [[event.name, event.parameters, event.delay] for event in chosen],
                "problems": problems, "notes": list(world.notes),
                "errors": processes.bad_lines(texts)}

    def act(self, chosen):
        """Let the events happen, each in a thread."""
        def body(event):
            time.sleep(event.delay)
            try:
                event.act(self.world.fresh())
            except (LabError, OSError) as exc:
                self.world.note("event %s: %s" % (event.name, str(exc)[:300]))

        threads = [threading.Thread(target=body, args=(event,)) for event in chosen]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def wait(self):
        """Until all is settled, if need be with a refresh, as an administrator would: (seconds, problems)."""
        took, wrong = self.settle(self.patience)
        if wrong:
            self.world.note("needed a refresh: " + "; ".join(wrong))
            for host in MANAGED:
                events.remoted_up(self.world, host)
            self.world.admin("crm_resource", "--refresh", timeout=60)
            more, wrong = self.settle(100)
            took += more
        return took, ["does not settle: " + line for line in wrong]

    def forget_knobs(self):
        """What no agent has read in the round is not for the next one."""
        for name in os.listdir(self.world.shared):
            if name.startswith("knob."):
                os.unlink(os.path.join(self.world.shared, name))

    def check(self, problems, chosen, positions, since, metronome):
        """Add what is wrong in a settled lab."""
        world, kinds = self.world, {event.name for event in chosen}
        problems += self.watch(since, metronome if kinds <= runs.GENTLE else None)
        problems += processes.leftovers(world)
        found, texts = world.agent_runs(since), self.texts(positions, NODES)
        wrong, notes = runs.against_requests(found, texts, kinds)
        problems += wrong + runs.sooner(found, texts)
        world.notes += notes + settled.unscored(world)
        stepped = {event.parameters["host"] for event in chosen if event.name == "clock_steps"}
        problems += runs.history(world, since, stepped)
        wrong, notes = self.holdings.check(world)
        problems += wrong + ["did not stay settled: " + line for line in self.settle(60)[1]]
        world.notes += notes

    def watch(self, since=None, metronome=None):
        """Look at the agents' runs for a while in which nothing happens, and at those since then: problems.
        `metronome` runs since then, too, and all but the agents was left alone."""
        quiet = uptime()
        own = metronome or runs.Metronome()
        time.sleep(self.quiet)
        found, end = self.world.agent_runs(since or quiet), uptime()
        wrong, self.judged = runs.recurrence(found, since if metronome else quiet, end, own)
        if not metronome:
            own.stop()
        return wrong + runs.missing(found, quiet, end) + runs.overlapping(found)

    # -- logs ----------------------------------------------------------------

    def positions(self):
        """How far each log has come."""
        return {path: os.path.getsize(path) for host in HOSTS for path in self.world.logs(host)
                if os.path.exists(path)}

    def texts(self, positions, hosts):
        """{host: what its daemons have written since}."""
        found = {}
        for host in hosts:
            found[host] = ""
            for path in self.world.logs(host):
                if os.path.exists(path):
                    with open(path, "rb") as handle:
                        handle.seek(positions.get(path, 0))
                        found[host] += handle.read().decode(errors="replace")
        return found

    def save(self):
        """Put what the agents have logged where the logs of the lab are collected."""
        target = os.path.join(self.world.lab.hostdir(self.world.host("n1")), "log", "chaos")
        shutil.copytree(self.world.shared, target, dirs_exist_ok=True)
