# SPDX-License-Identifier: LGPL-2.1-or-later
"""Seeded chaos rounds over a real cluster: two cluster nodes, two remote nodes, a guest.

main.py (the command), scenario.py (the rounds of "make test"), rounds.py (one round), configuration.py
(the lab, its resources), agents.py (agents that log each run, planted faults), events.py and on_*.py
(what is done), settled.py, runs.py, processes.py (what must hold afterwards), world.py (what they share).
"""
