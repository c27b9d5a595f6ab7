/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bits of a request's options. */
enum lrmd_call_options {
  lrmd_opt_none = 0,
  /* For registering: the client's recurring operations end with its connection. */
  lrmd_opt_drop_recurring = 3,
  /* Whoever asked is notified, and nobody else. */
  lrmd_opt_notify_orig_only = 2,
  /* A recurring operation's result is told only when it is not the same as before. */
  lrmd_opt_notify_changes_only = 4
};
