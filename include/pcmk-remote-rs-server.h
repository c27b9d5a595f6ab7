/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What pcmk-remote-rs gives the other objects of an executor, each in all releases that have it.
 * Trees are xmlNode of libxml2. Not to be read with Pacemaker's own headers of these objects.
 * Made from src/capi and include/parts by tests/capi/headers.rs: do not edit.
 */

#ifndef PCMK_REMOTE_RS_SERVER_H
#define PCMK_REMOTE_RS_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <glib.h>

/* A client of the daemon, which libcrmcommon makes. */
typedef struct pcmk__client_s pcmk__client_t;

#ifdef __cplusplus
extern "C" {
#endif

/* The table of resources, which main makes with strings as keys, without a function that frees keys, and with
 * free_rsc() (from 3.0.2 on execd_free_rsc()) for values, and destroys at the end. Its values are the library's. */
extern GHashTable *rsc_list;
/* The number of the latest request, which the part that takes requests in counts from 1 (up to 3.0.1). */
extern int lrmd_call_id;
/* When main began: main sets it. */
extern time_t start_time;

#ifdef __cplusplus
}
#endif

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Starts the alert of a request (up to 3.0.1).
 *
 * Returns 0, -EINVAL without a client, an alert, its id or its path, -ENOENT without the user as whom alerts run.
 * After `lrmd_drain_alerts()` it returns 0 and does nothing.
 *
 * # Safety
 * `client` is NULL or a living client; `request` is NULL or a living node of libxml2, which is only read.
 */
int process_lrmd_alert_exec(pcmk__client_t *client,
                            uint32_t _id,
                            void *request);

/**
 * Starts the alert of a request (from 3.0.2 on). Returns what `process_lrmd_alert_exec()` does, as a positive number.
 *
 * # Safety
 * As for `process_lrmd_alert_exec()`.
 */
int execd_process_alert_exec(pcmk__client_t *client,
                             void *request);

/**
 * Waits for the alerts that have not ended, at most 5 s longer than the longest of their limits, while the default
 * main context runs, and drops those that are asked for from now on. Without any alert yet it does nothing.
 *
 * # Safety
 * The main loop is one of the default main context, which is this thread's.
 */
void lrmd_drain_alerts(void *_main_loop);

/**
 * A reply with this number and call id. The caller frees it.
 *
 * # Safety
 * `origin` is NULL or a C string.
 */
void *execd_create_reply_as(const char *origin, int rc, int call_id);

/**
 * A client signs on. Stores the reply, which the caller frees. Returns 0 or a positive errno.
 *
 * # Safety
 * `client` is NULL or a living client; `request` is NULL or a living node of libxml2; `reply` is NULL or a place.
 */
int execd_process_signon(pcmk__client_t *client,
                         void *request,
                         int call_id,
                         void **reply);

/**
 * Makes a resource known. The caller replies 0 in any case.
 *
 * # Safety
 * As for `execd_process_signon()`.
 */
void execd_process_rsc_register(pcmk__client_t *client, uint32_t _id, void *request);

/**
 * Stores a reply that says which agent a resource has, or that there is none. Returns 0 or ENODEV.
 *
 * # Safety
 * As for `execd_process_signon()`.
 */
int execd_process_get_rsc_info(void *request, int call_id, void **reply);

/**
 * Forgets a resource. Returns 0, ENODEV if the request names none, or EINPROGRESS if something of it still runs.
 *
 * # Safety
 * As for `execd_process_signon()`.
 */
int execd_process_rsc_unregister(pcmk__client_t *client,
                                 void *request);

/**
 * Accepts an operation. Returns 0, EINVAL or ENODEV.
 *
 * # Safety
 * As for `execd_process_signon()`.
 */
int execd_process_rsc_exec(pcmk__client_t *client, void *request);

/**
 * Cancels an operation, which is told before this returns. Returns 0, EINVAL, ENODEV or EOPNOTSUPP.
 *
 * # Safety
 * As for `execd_process_signon()`.
 */
int execd_process_rsc_cancel(pcmk__client_t *client, void *request);

/**
 * Stores a reply that lists recurring operations. Returns 0 or ENODEV.
 *
 * # Safety
 * As for `execd_process_signon()`.
 */
int execd_process_get_recurring(void *request, int call_id, void **reply);

/**
 * Tells all clients that have a name what has become of a request; `rc` is what it was answered.
 *
 * # Safety
 * `request` is NULL or a living node of libxml2.
 */
void execd_send_generic_notify(int rc, void *request);

/**
 * Frees a value of `rsc_list` (up to 3.0.1): what is queued or recurs is cancelled and told. The table calls it.
 *
 * # Safety
 * `data` is NULL or a value of the table that it does not hold any longer.
 */
void free_rsc(void *data);

/**
 * The same from 3.0.2 on.
 *
 * # Safety
 * As for `free_rsc()`.
 */
void execd_free_rsc(void *data);

/**
 * Tells all other clients that have a name that there is a new one. What carries a cluster's messages hears of those
 * alone that begin to do so too.
 *
 * # Safety
 * `new_client` is NULL or a living client.
 */
void notify_of_new_client(pcmk__client_t *new_client);

/**
 * Stops what recurs for a client that leaves, or with NULL for any client, where the resource was registered so.
 * Tells it before it returns.
 *
 * # Safety
 * `client_id` is NULL or a C string.
 */
void client_disconnect_cleanup(const char *client_id);

/**
 * The connection to the fencer is lost (up to 3.0.1): what fence devices do, wait for or repeat fails.
 *
 * # Safety
 * To be called by the main thread.
 */
void stonith_connection_failed(void);

/**
 * The same from 3.0.2 on.
 *
 * # Safety
 * To be called by the main thread.
 */
void execd_fencer_connection_failed(void);

/**
 * Does what a client asks, and answers it (up to 3.0.1). The request stays the caller's, who has completed it with
 * the client's id and name and with a number.
 *
 * # Safety
 * `client` is NULL or a living client; `request` is NULL or a living node of libxml2, which is only read.
 */
void process_lrmd_message(pcmk__client_t *client,
                          uint32_t id,
                          void *request);

/**
 * Has the daemon end, as main does when SIGTERM comes: `finish` is called once, at once or when the cluster has
 * agreed that a remote node goes. A second call changes nothing.
 *
 * # Safety
 * To be called by the main thread, from its main loop. `finish` may end the process.
 */
void pcmk_remote_rs_server_shutdown(void (*finish)(void));

/**
 * Sends a reply to a client: `id` is its request's number. The reply stays the caller's; over TLS two attributes are
 * added to it. Returns 0, ENOTCONN, or another positive code. The client may be gone when this returns.
 *
 * # Safety
 * `client` is NULL or a living client; `reply` is NULL or a living node of libxml2.
 */
int lrmd_server_send_reply(pcmk__client_t *client,
                           uint32_t id,
                           void *reply);

/**
 * Sends a notification to a client. Otherwise as `lrmd_server_send_reply()`.
 *
 * # Safety
 * `client` is NULL or a living client; `msg` is NULL or a living node of libxml2.
 */
int lrmd_server_send_notify(pcmk__client_t *client, void *msg);

/**
 * Takes a client over that has left, and frees it. A daemon that was asked to end, and has waited for this, ends.
 *
 * # Safety
 * `client` is NULL or a living client that is not used afterwards.
 */
void lrmd_client_destroy(pcmk__client_t *client);

/**
 * The cluster has agreed that this node goes.
 *
 * # Safety
 * To be called by the main thread.
 */
void handle_shutdown_ack(void);

/**
 * The cluster does not care whether this node goes.
 *
 * # Safety
 * To be called by the main thread.
 */
void handle_shutdown_nack(void);

/**
 * Ends a daemon that was asked to (2.1.5).
 *
 * # Safety
 * To be called by the main thread.
 */
void execd_exit_if_shutting_down(void);

/**
 * The connection to the fencer (up to 3.0.1), which is made if there is none; NULL if that does not succeed at once.
 * It stays this library's.
 *
 * # Safety
 * To be called by the main thread.
 */
void *get_stonith_connection(void);

/**
 * The same from 3.0.2 on.
 *
 * # Safety
 * To be called by the main thread.
 */
void *execd_get_fencer_connection(void);

/**
 * Makes the daemon the child of a process that reaps and passes signals on, if it is the first process of a
 * container or `PCMK_remote_pid1` says so, and completes the environment from the container's settings. Returns in
 * the daemon alone; the parent ends as the daemon does.
 *
 * To be called first of all: before a log is set up and before there is a thread. Up to 3.0.1 callers hand a third
 * argument over, which is not looked at. Both are not changed; the parent renames itself.
 *
 * # Safety
 * No other thread reads or changes the environment meanwhile.
 */
void remoted_spawn_pidone(int _argc,
                          char **_argv);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PCMK_REMOTE_RS_SERVER_H */
