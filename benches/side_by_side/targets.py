# SPDX-License-Identifier: LGPL-2.1-or-later
"""What our daemons are meant to reach: fixed bounds, and bounds that another number of the same run sets."""


class Target:
    """A bound on one number of ours. `words` say it; `bound` gives it from the numbers of the base and ours."""

    def __init__(self, words, bound, most=True):
        self.words, self._bound, self._most = words, bound, most

    def verdict(self, value, base, ours):
        """met or MISSED, or None if the run does not have what it takes to say."""
        try:
            bound = self._bound(base, ours)
        except KeyError:
            return None
        met = value <= bound if self._most else value >= bound
        return "met" if met else "MISSED"


def at_most(number):
    return Target(f"<= {number:g}", lambda base, ours: number)


def at_least(number):
    return Target(f">= {number:g}", lambda base, ours: number, most=False)


def at_most_times(factor, name):
    return Target(f"<= {factor:g} x distribution", lambda base, ours: factor * base[name])


def at_least_times(factor, name):
    return Target(f">= {factor:g} x distribution", lambda base, ours: factor * base[name], most=False)


def at_most_bare_calls(factor, name="info_cpu_us"):
    """The echo of the same run is the limit, so that the bound holds on any machine."""
    return {name: [Target(f"<= {factor:g} x bare echo", lambda base, ours: factor * ours["bare_call_cpu_us"])]}


def at_most_own(factor, name):
    """Another number of ours in the same run is the limit."""
    return Target(f"<= {factor:g} x with a key", lambda base, ours: factor * ours[name])


TARGETS = {
    "pacemaker-remoted": {
        "start_ms": [at_most(20)],
        "idle_rss_kib": [at_most(11264)],
        "connect_ms": [at_most(1.2)],
        "info_rate": [at_least(5500)],
        **at_most_bare_calls(1.55),
        "poke_rate": [at_least(5500)],
        "exec_1_rate": [at_least(400)],
        "exec_32_rate": [at_least(600)],
        "recurring_own_s": [at_most(0.37)],
    },
    "liblrmd": {
        "up_info_rate": [at_least(5000)],
        "own_info_rate": [at_least(15000)],
        **at_most_bare_calls(1.1, "own_info_cpu_us"),
        "many_up": [at_least(1000)],
        "many_iteration_ms": [at_most(10)],
        "many_frozen_iteration_ms": [at_most(10)],
    },
    # After the handshake nothing changes; and one with certificates costs us no more than the distribution.
    "certificates": {
        "p256_connect_cpu_us": [at_most_times(1, "p256_connect_cpu_us")],
        "rsa_connect_cpu_us": [at_most_times(1, "rsa_connect_cpu_us")],
        "p256_info_cpu_us": [at_most_own(1.15, "psk_info_cpu_us")],
        "rsa_info_cpu_us": [at_most_own(1.15, "psk_info_cpu_us")],
    },
    "pacemaker-execd": {
        "info_rate": [at_least_times(1, "info_rate")],
        **at_most_bare_calls(1.4),
        "exec_32_rate": [at_least_times(2, "exec_32_rate"),
                         Target(">= bare loop / 1.3", lambda base, ours: ours["bare_1_rate"] / 1.3, most=False)],
        "recurring_own_s": [at_most_times(0.5, "recurring_own_s")],
        "recurring_rss_kib": [at_most(14756)],
        "burst_info_max_ms": [at_most(50)],
        "late_max_ms": [at_most(50)],
        "crowd_s": [at_most(5)],
        "crowd_rss_kib": [at_most(680_000)],
        "crowd_left": [at_most(0)],
    },
}
