/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Executor events, as Pacemaker 2.1 has them.
 * Made from src/capi and include/parts by tests/capi/headers.rs: do not edit.
 */

#ifndef PCMK__CRM_LRMD_EVENTS__H
#define PCMK__CRM_LRMD_EVENTS__H

#include <sys/types.h>
#include <glib.h>
#include <crm/common/results.h>

/* What an event is about; the numbers are part of the interface. */
enum lrmd_callback_event {
  lrmd_event_register = 0,
  lrmd_event_unregister = 1,
  lrmd_event_exec_complete = 2,
  lrmd_event_disconnect = 3,
  lrmd_event_connect = 4,
  lrmd_event_poke = 5,
  lrmd_event_new_client = 6
};

/**
 * What has happened on a connection, as the callback gets it.
 *
 * `Time` is `unsigned int` in Pacemaker 2.1 and `time_t` in 3.0, which moves every field behind it.
 */
struct lrmd_event_data_s {
  /**
   * Which kind of event: one of `EVENT_*`.
   */
  enum lrmd_callback_event type;
  /**
   * The resource's id.
   */
  const char *rsc_id;
  /**
   * The action.
   */
  const char *op_type;
  /**
   * What the request brought along.
   */
  const char *user_data;
  /**
   * The request's number.
   */
  int call_id;
  /**
   * Timeout in milliseconds.
   */
  int timeout;
  /**
   * Interval in milliseconds; 0: once.
   */
  unsigned int interval_ms;
  /**
   * Start delay in milliseconds.
   */
  int start_delay;
  /**
   * 1 when the resource was unregistered meanwhile.
   */
  int rsc_deleted;
  /**
   * The OCF exit code.
   */
  enum ocf_exitcode rc;
  /**
   * How the executor fared.
   */
  int op_status;
  /**
   * What the agent printed.
   */
  const char *output;
  /**
   * Start of the run, seconds since the epoch.
   */
  unsigned int t_run;
  /**
   * Last change of the exit code, seconds since the epoch.
   */
  unsigned int t_rcchange;
  /**
   * Length of the run in milliseconds.
   */
  unsigned int exec_time;
  /**
   * Wait before the run in milliseconds.
   */
  unsigned int queue_time;
  /**
   * Result of connecting: 0 or a negated errno.
   */
  int connection_rc;
  /**
   * A GHashTable of the operation's parameters, or NULL.
   */
  void *params;
  /**
   * The connection's node.
   */
  const char *remote_nodename;
  /**
   * Why the action failed.
   */
  const char *exit_reason;
};

/**
 * `lrmd_event_data_t`.
 */
typedef struct lrmd_event_data_s lrmd_event_data_t;

#endif  /* PCMK__CRM_LRMD_EVENTS__H */
