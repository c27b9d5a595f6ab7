# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `make install` puts in place, under a real systemd.

Where to look: run (the command), outside.py (installs to a directory, starts a sandbox of the
executor suite's kind), inside.py (the tests of the daemon as a unit), units.py
(units as the cluster's resources), agent.sh (the agent that they use).
"""
