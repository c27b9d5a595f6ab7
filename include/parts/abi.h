/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library has the interface of one release of Pacemaker: libpcmk-remote-rs that of 3.0, libpcmk-remote-rs-2.1 that of
 * 2.1, for which this is defined. pkg-config does it. */
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
