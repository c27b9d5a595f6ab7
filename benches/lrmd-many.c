/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * lrmd-many: many remote connections in one main loop, and how long an iteration of that loop takes when one of the
 * peers freezes.
 *
 *   lrmd-many CONNECTIONS FROZEN_PORT SECONDS
 *
 * All go to port 3121 of this machine but one, to FROZEN_PORT, whose process (BENCH_RELAY in the environment) is
 * stopped once all are connected. From then on each connection is poked about twice a second, for SECONDS. Prints one
 * line of JSON: how many connected, after how long, and the CPU time of the longest iteration before and after.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <crm/lrmd.h>
#include <glib.h>

enum { PORT = 3121, AT_ONCE = 16, CONNECT_MS = 10000, GIVE_UP_S = 90, TICK_MS = 5, TICKS_A_ROUND = 100 };

static int wanted, begun, up, failed;
static int frozen_port, seconds;
static lrmd_t **connections;
static GMainLoop *loop;
static bool frozen;
static double longest[2], left_poll, up_s, begin_s;

static double
clock_s(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* From one wait to the next is one iteration. */
static gint
timed_poll(GPollFD *descriptors, guint count, gint timeout)
{
    gint ready;

    if (left_poll > 0) {
        double taken = clock_s(CLOCK_THREAD_CPUTIME_ID) - left_poll;

        longest[frozen] = MAX(longest[frozen], taken);
    }
    ready = g_poll(descriptors, count, timeout);
    left_poll = clock_s(CLOCK_THREAD_CPUTIME_ID);
    return ready;
}

static void
begin_next(void)
{
    if (begun < wanted) {
        lrmd_t *connection = connections[begun++];

        if (connection->cmds->connect_async(connection, "lrmd-many", CONNECT_MS) < 0) {
            failed++;
        }
    }
}

static gboolean
quit(gpointer data)
{
    (void) data;
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static void
freeze(void)
{
    up_s = clock_s(CLOCK_MONOTONIC) - begin_s;
    frozen = true;
    kill((pid_t) atoi(getenv("BENCH_RELAY")), SIGSTOP);
    g_timeout_add_seconds(seconds, quit, NULL);
}

static void
heard(lrmd_event_data_t *event)
{
    if (event->type != lrmd_event_connect) {
        return;
    }
    if (event->connection_rc == 0) {
        up++;
    } else {
        failed++;
    }
    begin_next();
    if (up + failed == wanted) {
        freeze();
    }
}

static gboolean
poke_some(gpointer data)
{
    static int next;

    (void) data;
    for (int i = 0; frozen && i < wanted / TICKS_A_ROUND; i++) {
        connections[next]->cmds->poke_connection(connections[next]);
        next = (next + 1) % wanted;
    }
    return G_SOURCE_CONTINUE;
}

int
main(int argc, char **argv)
{
    if (argc != 4 || !getenv("BENCH_RELAY")) {
        fprintf(stderr, "usage: BENCH_RELAY=PID %s CONNECTIONS FROZEN_PORT SECONDS\n", argv[0]);
        return 2;
    }
    wanted = atoi(argv[1]);
    frozen_port = atoi(argv[2]);
    seconds = atoi(argv[3]);
    loop = g_main_loop_new(NULL, FALSE);
    g_main_context_set_poll_func(NULL, timed_poll);
    connections = calloc(wanted, sizeof(*connections));
    for (int i = 0; i < wanted; i++) {
        char name[32];

        snprintf(name, sizeof(name), "node%d", i);
        connections[i] = lrmd_remote_api_new(name, "127.0.0.1", i == wanted / 2 ? frozen_port : PORT);
        connections[i]->cmds->set_callback(connections[i], heard);
    }
    begin_s = clock_s(CLOCK_MONOTONIC);
    for (int i = 0; i < AT_ONCE; i++) {
        begin_next();
    }
    g_timeout_add(TICK_MS, poke_some, NULL);
    g_timeout_add_seconds(GIVE_UP_S, quit, NULL);
    g_main_loop_run(loop);
    if (!frozen) {
        up_s = clock_s(CLOCK_MONOTONIC) - begin_s;
    }
    printf("{\"up\": %d, \"up_s\": %.3f, \"before_ms\": %.3f, \"frozen_ms\": %.3f}\n", up, up_s, longest[0] * 1e3,
           longest[1] * 1e3);
    return 0;
}
