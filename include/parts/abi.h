/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library has the interface of one release of Pacemaker. pkg-config knows which: it defines this for 2.1. */
#ifdef PCMK_REMOTE_RS_ABI_2_1
typedef unsigned int pcmk_remote_rs_time_t;
#define PCMK_REMOTE_RS_DROP_RECURRING 3
#else
typedef time_t pcmk_remote_rs_time_t;
#define PCMK_REMOTE_RS_DROP_RECURRING 1
#endif

/* Bits of a request's options. */
enum lrmd_call_options {
  lrmd_opt_none = 0,
  /* For registering: the client's recurring operations end with its connection. */
  lrmd_opt_drop_recurring = PCMK_REMOTE_RS_DROP_RECURRING,
  /* Whoever asked is notified, and nobody else. */
  lrmd_opt_notify_orig_only = 2,
  /* A recurring operation's result is told only when it is not the same as before. */
  lrmd_opt_notify_changes_only = 4
};
