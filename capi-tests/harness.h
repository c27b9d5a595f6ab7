/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the programs here share. Each prints lines that have to be the same with upstream's library and with ours:
 * no times, no process ids. tests/capi_programs runs them and provides the environment:
 *
 *   TEST_PORT       where a Pacemaker Remote daemon serves, which also serves local clients
 *   TEST_DIRECTORY  an empty directory
 *   TEST_OURS       set if that daemon is ours
 *   TEST_SLOWLY     set if the program runs so slowly that preparing TLS takes longer than a handshake may
 *
 * and the agent ocf:test:Script, which does what its parameters say.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include <crm/lrmd.h>

#define DEADLINE_S 120
#define NODE "node1"

/* The two kinds of connection. */
static const char *const TRANSPORTS[] = { "tls", "local" };

/* How many events of each kind have come. */
static int seen[lrmd_event_new_client + 1];

static inline void
too_late(int signal)
{
    static const char text[] = "gave up waiting\n";

    (void) signal;
    if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0) {
        _exit(4);
    }
    _exit(3);
}

static inline const char *
setting(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL) {
        fprintf(stderr, "%s is not set\n", name);
        exit(2);
    }
    return value;
}

static inline int
port(void)
{
    return atoi(setting("TEST_PORT"));
}

/* To be called first. */
static inline void
begin(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGALRM, too_late);
    alarm(DEADLINE_S);
    for (int i = 0; getenv("TEST_SLOWLY") != NULL && i < 10; i++) {
        lrmd_t *lrmd = lrmd_remote_api_new(NODE, "127.0.0.1", port());
        int rc = lrmd->cmds->connect(lrmd, "first", NULL);

        lrmd_api_delete(lrmd);
        if (rc == 0) {
            break;
        }
    }
}

static inline const char *
shown(const char *text)
{
    return text != NULL ? text : "NULL";
}

static inline const char *
set_or_zero(long long value)
{
    return value != 0 ? "set" : "0";
}

static inline lrmd_t *
connection(const char *transport)
{
    if (strcmp(transport, "tls") == 0) {
        return lrmd_remote_api_new(NODE, "127.0.0.1", port());
    }
    return lrmd_api_new();
}

static inline const char *
kind(int type)
{
    static const char *const names[] = {
        "register", "unregister", "exec_complete", "disconnect", "connect", "poke", "new_client"
    };

    return names[type];
}

/* The keys in order, since a hash table has none. */
static inline void
show_params(GHashTable *table)
{
    GList *keys = g_list_sort(g_hash_table_get_keys(table), (GCompareFunc) strcmp);

    printf(" params={");
    for (GList *each = keys; each != NULL; each = each->next) {
        printf("%s%s=%s", each == keys ? "" : ", ", (const char *) each->data,
               (const char *) g_hash_table_lookup(table, each->data));
    }
    printf("}");
    g_list_free(keys);
}

/* Whether a handshake fails at the first attempt or later is a matter of time, and upstream's code with it. */
static bool either_handshake_code;

/* One line with all that an event says. */
static inline void
show(const lrmd_event_data_t *event)
{
    printf("  event %s node=%s", kind(event->type), shown(event->remote_nodename));
    if (event->type == lrmd_event_connect && either_handshake_code
        && (event->connection_rc == -EPROTO || event->connection_rc == -EKEYREJECTED)) {
        printf(" connection_rc=%d or %d\n", -EPROTO, -EKEYREJECTED);
        return;
    }
    if (event->type == lrmd_event_connect) {
        printf(" connection_rc=%d\n", event->connection_rc);
        return;
    }
    printf(" call=%d rsc=%s", event->call_id, shown(event->rsc_id));
    if (event->type != lrmd_event_exec_complete) {
        printf(" rc=%d connection_rc=%d%s\n", event->rc, event->connection_rc,
               event->op_type || event->user_data || event->output || event->exit_reason || event->params
               ? " and more" : "");
        return;
    }
    printf(" op=%s user=%s timeout=%d interval=%u delay=%d deleted=%d rc=%d status=%d", shown(event->op_type),
           shown(event->user_data), event->timeout, event->interval_ms, event->start_delay, event->rsc_deleted,
           event->rc, event->op_status);
    printf(" output='%s' reason='%s' t_run=%s t_rcchange=%s", shown(event->output), shown(event->exit_reason),
           set_or_zero(event->t_run), set_or_zero(event->t_rcchange));
    if (event->params == NULL) {
        printf(" params=NULL\n");
        return;
    }
    show_params(event->params);
    printf("\n");
}

/* The callback of most programs. */
static inline void
print_event(lrmd_event_data_t *event)
{
    seen[event->type]++;
    show(event);
}

/* Runs the main loop until `count` events of this kind have come since the program began. */
static inline void
await(int type, int count)
{
    while (seen[type] < count) {
        g_main_context_iteration(NULL, TRUE);
    }
}

/* Runs the main loop until one more event of this kind has come. */
static inline void
await_next(int type)
{
    await(type, seen[type] + 1);
}

/* Runs what is ready, without waiting. */
static inline void
run_ready(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

/* Everything that the executor has told before this request has come when this returns. */
static inline void
barrier(lrmd_t *lrmd)
{
    int rc = lrmd->cmds->poke_connection(lrmd);

    if (rc < 0) {
        printf("  poke: %d\n", rc);
        return;
    }
    await_next(lrmd_event_poke);
}

/* A connection that is served by the main loop and whose events `callback` gets. */
static inline lrmd_t *
connected(const char *transport, lrmd_event_callback callback)
{
    lrmd_t *lrmd = connection(transport);
    int rc;

    lrmd->cmds->set_callback(lrmd, callback);
    rc = lrmd->cmds->connect(lrmd, "program", NULL);
    if (rc != 0) {
        printf("  connect: %d\n", rc);
        exit(1);
    }
    return lrmd;
}

/* Makes a resource of the test's agent known. */
static inline void
add_resource(lrmd_t *lrmd, const char *id)
{
    int rc = lrmd->cmds->register_rsc(lrmd, id, "ocf", "test", "Script", lrmd_opt_drop_recurring);

    if (rc != 0) {
        printf("  register_rsc %s: %d\n", id, rc);
    }
}

/* The path of a file in the test's own directory; valid until the next call. */
static inline const char *
own_path(const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", setting("TEST_DIRECTORY"), name);
    return path;
}

#endif
