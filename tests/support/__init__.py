# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the lab, the cluster tests and the suite runner share."""
