# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which tests of the executor suite need OCF agents only: all but these."""

FENCING = "needs a fence agent, which never runs on a remote host; " \
          "the suite itself skips it over TLS"
SYSTEMD = "needs systemd units as resources: not supported yet"
LSB = "needs LSB init scripts as resources: not supported yet"
SERVICE = "needs the class 'service' (systemd or LSB): not supported yet"

GENERIC = ("generic_registration_", "generic_start_stop_", "generic_monitor_cancel_",
           "generic_monitor_duplicate_", "generic_stop_implies_cancel_")

LEFT_OUT = {
    **{name + "systemd": SYSTEMD for name in GENERIC},
    **{name + "lsb": LSB for name in GENERIC},
    **{name + "service": SERVICE for name in GENERIC},
    "monitor_fail_systemd": SYSTEMD,
    "systemd_stress": SYSTEMD,
    "start_uninstalled_systemd": SYSTEMD,
    "stonith_component_fail": FENCING,
    "stonith_start_timeout": FENCING,
    "get_stonith_metadata": FENCING,
    "multi_rsc_start_stop_all_including_stonith": FENCING,
}
