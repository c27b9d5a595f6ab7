# SPDX-License-Identifier: LGPL-2.1-or-later
"""lrmd-bench. A client is the words that start it: the program, and -S where it is to use TLS."""

import json
import select
import subprocess
import time

from .errors import BenchError

NULL_AGENT = "ocf:bench:null"
NULL_AGENT_PATH = "/usr/lib/ocf/resource.d/bench/null"
DUMMY_AGENT = "ocf:pacemaker:Dummy"
ANSWER_LIMIT_S = 120
ERRORS = "/run/clients.stderr"


PROGRAMS = {}  # the sandbox says where they are


def bare_loop(seconds, in_flight):
    """How many runs of the minimal agent a second a loop of posix_spawn and wait reaches."""
    done = subprocess.run([PROGRAMS["bare-loop"], str(seconds), str(in_flight), NULL_AGENT_PATH], stdout=subprocess.PIPE,
                          text=True, timeout=seconds * 4 + ANSWER_LIMIT_S, check=True)
    return json.loads(done.stdout)["per_second"]


def bare_calls(program, seconds):
    """Round trips of the same transport when nothing is done with them: how many a second, and what one costs its
    server in microseconds of CPU."""
    name = "bare-tls" if "-S" in program else "bare-qb"
    results = _results([PROGRAMS[name], "1000000", str(seconds)], seconds)
    return results[name]["per_second"], results["server"]["cpu_us"]


def measure(program, seconds, *words, agent=NULL_AGENT, most=1000000):
    """One measure, of at most so many rounds; a dictionary of result name to result."""
    return _results([*program, "-a", agent, "-p", words[0], "-t", str(seconds), "-n", str(most), *words], seconds)


def _results(command, seconds):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=seconds * 4 + ANSWER_LIMIT_S,
                              check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{' '.join(command)} does not end") from error
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} ended with status {done.returncode}")
    results = map(json.loads, done.stdout.splitlines())
    return {result["name"]: result for result in results}


def many(library, connections, frozen_port, seconds):
    """Many connections in one process, one of them to the port of a peer that stops; what lrmd-many tells."""
    command = ["env", "LD_LIBRARY_PATH=" + library, PROGRAMS["lrmd-many"], str(connections), str(frozen_port), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=ANSWER_LIMIT_S, check=False)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} ended with status {done.returncode}")
    return json.loads(done.stdout)


class Recurring:
    """Recurring monitors shared out among several clients, since one registers only eleven a second with a
    daemon that lets every message wait for a delayed acknowledgement."""

    def __init__(self, program, count, interval_ms, clients=10, spread_ms=0):
        self.clients = []
        # Kept aside: each of them complains when the daemon is stopped under it, which is part of a measure.
        with open(ERRORS, "w", encoding="utf-8") as errors:
            for number in range(clients):
                command = [*program, "-a", NULL_AGENT, "-p", f"recur{number}-", "recur", str(count // clients),
                           str(interval_ms), str(spread_ms)]
                self.clients.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                     stderr=errors, text=True, bufsize=1))
        for client in self.clients:
            self._line(client)  # "started"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.kill()
            client.wait()

    @staticmethod
    def _line(client):
        readable, _, _ = select.select([client.stdout], [], [], ANSWER_LIMIT_S)
        line = client.stdout.readline() if readable else ""
        if not line:
            with open(ERRORS, encoding="utf-8") as errors:
                raise BenchError("a client with recurring monitors failed or is stuck: " + errors.read())
        return json.loads(line)

    def results(self):
        """How many monitors have ended since the last call, and how late the latest of them was, in ms."""
        total, late_ms = 0, 0.0
        for client in self.clients:
            client.stdin.write("\n")
            line = self._line(client)
            total += line["count"]
            late_ms = max(late_ms, line.get("max_us", 0) / 1e3)
        return total, late_ms


class Crowd:
    """Many connections that nobody reads from, made one after the other."""

    def __init__(self, program, count, limit_s):
        self.client = subprocess.Popen([*program, "hold", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        began = time.perf_counter()
        readable, _, _ = select.select([self.client.stdout], [], [], limit_s)
        self.complete = bool(readable and self.client.stdout.readline())
        self.seconds = time.perf_counter() - began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.kill()
        self.client.wait()
