/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The C interface of pcmk-remote-rs: Pacemaker's executor client without Pacemaker's other headers.
 * Names and layouts are those of its crm/lrmd.h, so do not include both.
 * Made from src/capi and include/parts by tests/capi/headers.rs: do not edit.
 */

#ifndef PCMK_REMOTE_RS_H
#define PCMK_REMOTE_RS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <glib.h>

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

typedef struct lrmd_s lrmd_t;
typedef struct lrmd_api_operations_s lrmd_api_operations_t;
typedef struct lrmd_key_value_s lrmd_key_value_t;
typedef struct lrmd_list_s lrmd_list_t;
typedef struct lrmd_rsc_info_s lrmd_rsc_info_t;
typedef struct lrmd_op_info_s lrmd_op_info_t;

/* The kind of an event as a word, for logs. */
static inline const char *
lrmd_event_type2str(enum lrmd_callback_event type)
{
  static const char *const words[] = {
    "register", "unregister", "exec_complete", "disconnect", "connect", "poke", "new_client"
  };

  return ((unsigned int) type < sizeof(words) / sizeof(words[0]))? words[type] : "unknown";
}

/**
 * A registered resource: its id and its agent.
 */
struct lrmd_rsc_info_s {
  /**
   * The resource's id; owned.
   */
  char *id;
  /**
   * The agent's name within its standard and provider; owned.
   */
  char *type;
  /**
   * The agent's standard, such as "ocf"; owned.
   */
  char *standard;
  /**
   * The agent's provider; owned; NULL for a standard without providers.
   */
  char *provider;
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
  int rc;
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
  pcmk_remote_rs_time_t t_run;
  /**
   * Last change of the exit code, seconds since the epoch.
   */
  pcmk_remote_rs_time_t t_rcchange;
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

/**
 * Called for each event of a connection; the event is lent for the length of the call.
 */
typedef void (*lrmd_event_callback)(lrmd_event_data_t *event);

/**
 * One parameter of an operation, and the rest of the list.
 */
struct lrmd_key_value_s {
  /**
   * Name; owned.
   */
  char *key;
  /**
   * Value; owned.
   */
  char *value;
  /**
   * The next one, owned, or NULL.
   */
  struct lrmd_key_value_s *next;
};

/**
 * One name of a listing (agents, providers, standards), and the rest of the list.
 */
struct lrmd_list_s {
  /**
   * The name; owned by the list, in spite of its type, which is upstream's.
   */
  const char *val;
  /**
   * The next one, owned, or NULL.
   */
  struct lrmd_list_s *next;
};

/**
 * What can be done with a connection. Results are 0 or positive, or a negated errno.
 */
struct lrmd_api_operations_s {
  int (*connect)(struct lrmd_s *lrmd, const char *client_name, int *fd);
  int (*connect_async)(struct lrmd_s *lrmd, const char *client_name, int timeout);
  int (*is_connected)(struct lrmd_s *lrmd);
  int (*poke_connection)(struct lrmd_s *lrmd);
  int (*disconnect)(struct lrmd_s *lrmd);
  int (*register_rsc)(struct lrmd_s *lrmd,
                      const char *rsc_id,
                      const char *standard,
                      const char *provider,
                      const char *agent,
                      enum lrmd_call_options options);
  struct lrmd_rsc_info_s *(*get_rsc_info)(struct lrmd_s *lrmd,
                                          const char *rsc_id,
                                          enum lrmd_call_options options);
  int (*get_recurring_ops)(struct lrmd_s *lrmd,
                           const char *rsc_id,
                           int timeout_ms,
                           enum lrmd_call_options options,
                           GList **output);
  int (*unregister_rsc)(struct lrmd_s *lrmd, const char *rsc_id, enum lrmd_call_options options);
  void (*set_callback)(struct lrmd_s *lrmd, lrmd_event_callback callback);
  int (*exec)(struct lrmd_s *lrmd,
              const char *rsc_id,
              const char *action,
              const char *userdata,
              unsigned int interval_ms,
              int timeout,
              int start_delay,
              enum lrmd_call_options options,
              struct lrmd_key_value_s *params);
  int (*cancel)(struct lrmd_s *lrmd, const char *rsc_id, const char *action, unsigned int interval_ms);
  int (*get_metadata)(struct lrmd_s *lrmd,
                      const char *standard,
                      const char *provider,
                      const char *agent,
                      char **output,
                      enum lrmd_call_options options);
  int (*list_agents)(struct lrmd_s *lrmd,
                     struct lrmd_list_s **agents,
                     const char *standard,
                     const char *provider);
  int (*list_ocf_providers)(struct lrmd_s *lrmd, const char *agent, struct lrmd_list_s **providers);
  int (*list_standards)(struct lrmd_s *lrmd, struct lrmd_list_s **standards);
  int (*exec_alert)(struct lrmd_s *lrmd,
                    const char *alert_id,
                    const char *alert_path,
                    int timeout,
                    struct lrmd_key_value_s *params);
  int (*get_metadata_params)(struct lrmd_s *lrmd,
                             const char *standard,
                             const char *provider,
                             const char *agent,
                             char **output,
                             enum lrmd_call_options options,
                             struct lrmd_key_value_s *params);
};

/**
 * A connection to an executor.
 */
struct lrmd_s {
  /**
   * The operations; never NULL.
   */
  struct lrmd_api_operations_s *cmds;
  /**
   * The library's own.
   */
  void *lrmd_private;
};

/**
 * A recurring operation that an executor has.
 */
struct lrmd_op_info_s {
  /**
   * The resource's id; owned.
   */
  char *rsc_id;
  /**
   * The action, such as "monitor"; owned.
   */
  char *action;
  /**
   * Interval in milliseconds, as decimal digits; owned.
   */
  char *interval_ms_s;
  /**
   * Timeout in milliseconds, as decimal digits; owned.
   */
  char *timeout_ms_s;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Is there something to dispatch? 1 if so, also when it is in memory already and the descriptor is quiet; 0 if
 * not; a negated errno without a connection. It never waits: `timeout` is ignored, as upstream does.
 *
 * # Safety
 * `lrmd` is NULL or came from this library and was not deleted.
 */
int lrmd_poll(struct lrmd_s *lrmd,
              int _timeout);

/**
 * Takes what has come and tells the callback, for about 2 ms; if more is there, the descriptor stays ready. False
 * when there is no connection (any longer).
 *
 * # Safety
 * `lrmd` is NULL or came from this library and was not deleted.
 */
bool lrmd_dispatch(struct lrmd_s *lrmd);

/**
 * Makes an event of kind 0 (register) with copies of the strings and nothing else in it; a NULL stays NULL.
 *
 * The caller frees it with `lrmd_free_event()`.
 *
 * # Safety
 * `rsc_id` and `task` are NULL or C strings.
 */
lrmd_event_data_t *lrmd_new_event(const char *rsc_id, const char *task, unsigned int interval_ms);

/**
 * Makes a copy of an event and of all that it points to. The caller frees it with `lrmd_free_event()`.
 *
 * # Safety
 * `event` is NULL, and then so is the copy, or an event whose strings are NULL or C strings and whose parameters
 * are NULL or a table of strings.
 */
lrmd_event_data_t *lrmd_copy_event(lrmd_event_data_t *event);

/**
 * Frees an event and all that it points to. NULL is allowed.
 *
 * # Safety
 * `event` is NULL or an event that this library made or copied for the caller, not used afterwards.
 */
void lrmd_free_event(lrmd_event_data_t *event);

/**
 * Compares two versions number by number: -1, 0 or 1 when the first is lower, equal or higher.
 *
 * A version is what stands at the beginning: numbers with dots between them, after white space. Anything else,
 * NULL included, counts as no number, and a number that is missing as 0.
 *
 * # Safety
 * Both are NULL or C strings.
 */
int lrmd_compare_versions(const char *version1,
                          const char *version2);

/**
 * Makes a handle for the executor of this node. The caller deletes it with `lrmd_api_delete()`.
 */
struct lrmd_s *lrmd_api_new(void);

/**
 * Makes a handle for the executor of a remote node. `nodename` is what events call it, `server` the host; one of
 * them NULL: the other for both; both NULL: the executor of this node. `port` 0: the default. The caller deletes
 * it with `lrmd_api_delete()`.
 *
 * # Safety
 * `nodename` and `server` are NULL or C strings.
 */
struct lrmd_s *lrmd_remote_api_new(const char *nodename,
                                   const char *server,
                                   int port);

/**
 * Deletes a handle, disconnecting it first: a connection in the main loop gets its disconnect event before this
 * returns. NULL is allowed. In a callback the memory lives until the outermost callback of this handle has
 * returned, and calls on it until then fail as without a connection.
 *
 * # Safety
 * `lrmd` is NULL or came from this library and was not deleted; after this, or after the callbacks under way, it
 * is not used any more.
 */
void lrmd_api_delete(struct lrmd_s *lrmd);

/**
 * Adds a copy of a key and a value to the end of a list.
 *
 * Returns the head: the new element if `head` is NULL, otherwise `head`. The list is freed with
 * `lrmd_key_value_freeall()`.
 *
 * # Safety
 * `head` is NULL or a list that this function made; `key` and `value` are NULL or C strings.
 */
struct lrmd_key_value_s *lrmd_key_value_add(struct lrmd_key_value_s *head,
                                            const char *key,
                                            const char *value);

/**
 * Frees a list of keys and values. NULL is allowed.
 *
 * # Safety
 * `head` is NULL or such a list, all of it from `malloc`, and not used afterwards.
 */
void lrmd_key_value_freeall(struct lrmd_key_value_s *head);

/**
 * Frees a listing. NULL is allowed.
 *
 * # Safety
 * `head` is NULL or such a list, all of it from `malloc`, and not used afterwards.
 */
void lrmd_list_freeall(struct lrmd_list_s *head);

/**
 * Makes a resource description from copies of the strings; a NULL stays NULL.
 *
 * The caller frees it with `lrmd_free_rsc_info()`.
 *
 * # Safety
 * Each argument is NULL or a C string.
 */
struct lrmd_rsc_info_s *lrmd_new_rsc_info(const char *rsc_id,
                                          const char *standard,
                                          const char *provider,
                                          const char *type);

/**
 * Makes a copy of a resource description. The caller frees it with `lrmd_free_rsc_info()`.
 *
 * # Safety
 * `rsc_info` is NULL, and then so is the copy, or a description whose strings are NULL or C strings.
 */
struct lrmd_rsc_info_s *lrmd_copy_rsc_info(struct lrmd_rsc_info_s *rsc_info);

/**
 * Frees a resource description. NULL is allowed.
 *
 * # Safety
 * `rsc_info` is NULL or a description from this library, not used afterwards.
 */
void lrmd_free_rsc_info(struct lrmd_rsc_info_s *rsc_info);

/**
 * Frees the description of a recurring operation. NULL is allowed.
 *
 * # Safety
 * `op_info` is NULL or such a description, all of it from `malloc`, not used afterwards.
 */
void lrmd_free_op_info(struct lrmd_op_info_s *op_info);

/**
 * The version of this library as "MAJOR.MINOR.PATCH". Valid for the life of the process; not to be freed.
 */
const char *pcmk_remote_rs_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PCMK_REMOTE_RS_H */
