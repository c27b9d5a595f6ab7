/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * lrmd-bench: measure an executor through the public API of upstream's client library, so that whatever
 * is measured is measured with the same, unmodified peer.
 *
 *   lrmd-bench [-S] [-a STANDARD:PROVIDER:TYPE] [-p PREFIX] [-n MAX] [-t SECONDS] MEASURE [ARGS]
 *
 *   connect             connect and disconnect, one after the other
 *   info                get_rsc_info round trips
 *   poke                poke round trips, up to the poke event
 *   register            register resources; then unregister them
 *   exec IN_FLIGHT      "monitor" executions, IN_FLIGHT resources busy at any time
 *   recur COUNT MS [SPREAD_MS]
 *                       COUNT recurring monitors, begun over SPREAD_MS (default 0: at once); for each line read
 *                       from standard input, prints how many results have arrived since, and how late they were:
 *                       time since the previous result of the same monitor, less the interval (so it contains
 *                       the agent's run); ends at end of file
 *   burst COUNT         COUNT monitors that are to start at the same moment: when their results came, counted from that
 *                       moment; then the waits of a second client that asks get_rsc_info all the while
 *   hold COUNT          COUNT connections that nobody reads from, held until the end of standard input
 *
 * -S asks for the remote (TLS) connection to localhost. A measure stops after MAX rounds or SECONDS,
 * whichever comes first. Each result is one line of JSON; anything unexpected ends the program with
 * a message and a status other than 0.
 *
 * It is long because each measure is one part of it, over the same connection and resources.
 *
 * Build: cc -O2 -Wall lrmd-bench.c -o lrmd-bench $(pkg-config --cflags --libs pacemaker-lrmd glib-2.0)
 */
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <crm/lrmd.h>
#include <glib-unix.h>

#include "samples.h"

enum { ACTION_TIMEOUT_MS = 20000 };

static bool use_tls = false;
static const char *standard = "ocf";
static const char *provider = "pacemaker";
static const char *type = "Dummy";
static const char *prefix = "r";

static lrmd_t *lrmd = NULL;
static GMainLoop *loop = NULL;

/* ---- Connection and resources ---- */

static lrmd_t *
new_connection(void)
{
    return use_tls ? lrmd_remote_api_new("bench", "localhost", 0) : lrmd_api_new();
}

static void
connect_or_fail(void)
{
    int rc;

    lrmd = new_connection();
    rc = lrmd->cmds->connect(lrmd, "lrmd-bench", NULL);
    if (rc < 0) {
        fail("connect: %d", rc);
    }
}

static const char *
resource_id(int slot)
{
    static char id[64];

    snprintf(id, sizeof(id), "%s%d", prefix, slot);
    return id;
}

static int
slot_of(const lrmd_event_data_t *event)
{
    return atoi(event->rsc_id + strlen(prefix));
}

static void
register_resource(int slot)
{
    int rc = lrmd->cmds->register_rsc(lrmd, resource_id(slot), standard, provider, type, 0);

    if (rc < 0) {
        fail("register %s: %d", resource_id(slot), rc);
    }
}

static void
unregister_resource(int slot)
{
    int rc = lrmd->cmds->unregister_rsc(lrmd, resource_id(slot), 0);

    if (rc < 0) {
        fail("unregister %s: %d", resource_id(slot), rc);
    }
}

/* ---- Measures of one round trip ---- */

static void
round_connect(int round)
{
    lrmd_t *connection = new_connection();
    double start = now();
    int rc = connection->cmds->connect(connection, "lrmd-bench", NULL);

    if (rc < 0) {
        fail("connect %d: %d", round, rc);
    }
    add_sample(now() - start);
    connection->cmds->disconnect(connection);
    lrmd_api_delete(connection);
}

static void
round_info(int round)
{
    double start = now();
    lrmd_rsc_info_t *info = lrmd->cmds->get_rsc_info(lrmd, resource_id(0), 0);

    if (info == NULL) {
        fail("get_rsc_info %d: no answer for a registered resource", round);
    }
    add_sample(now() - start);
    lrmd_free_rsc_info(info);
}

static void
poke_arrived(lrmd_event_data_t *event)
{
    if (event->type == lrmd_event_disconnect) {
        fail("disconnected");
    }
    if (event->type == lrmd_event_poke) {
        g_main_loop_quit(loop);
    }
}

static void
round_poke(int round)
{
    double start = now();
    int rc = lrmd->cmds->poke_connection(lrmd);

    if (rc < 0) {
        fail("poke %d: %d", round, rc);
    }
    g_main_loop_run(loop);
    add_sample(now() - start);
}

static void
round_register(int round)
{
    double start = now();

    register_resource(round);
    add_sample(now() - start);
}

static void
round_unregister(int round)
{
    double start = now();

    unregister_resource(round);
    add_sample(now() - start);
}

static void
measure_rounds(const char *name, void (*one_round)(int))
{
    begin();
    for (int round = 0; round < max_rounds && !time_is_up(); round++) {
        one_round(round);
    }
    report(name);
}

/* ---- Executions, several in flight ---- */

static struct {
    double *started; /* one per slot */
    int in_flight;
    int issued;
    int failed;
} run;

static void
start_monitor(int slot)
{
    int rc;

    run.started[slot] = now();
    rc = lrmd->cmds->exec(lrmd, resource_id(slot), "monitor", NULL, 0, ACTION_TIMEOUT_MS, 0,
                          lrmd_opt_notify_orig_only, NULL);
    if (rc <= 0) {
        fail("exec: %d", rc);
    }
    run.issued++;
    run.in_flight++;
}

static void
monitor_ended(lrmd_event_data_t *event)
{
    int slot;

    if (event->type == lrmd_event_disconnect) {
        fail("disconnected");
    }
    if (event->type != lrmd_event_exec_complete) {
        return;
    }
    slot = slot_of(event);
    add_sample(now() - run.started[slot]);
    run.in_flight--;
    if (event->op_status != PCMK_EXEC_DONE) {
        run.failed++;
    }
    if (run.issued < max_rounds && !time_is_up()) {
        start_monitor(slot);
    } else if (run.in_flight == 0) {
        g_main_loop_quit(loop);
    }
}

static void
measure_executions(int slots)
{
    run.started = g_new0(double, slots);
    for (int slot = 0; slot < slots; slot++) {
        register_resource(slot);
    }
    lrmd->cmds->set_callback(lrmd, monitor_ended);
    begin();
    for (int slot = 0; slot < slots; slot++) {
        start_monitor(slot);
    }
    g_main_loop_run(loop);
    if (run.failed > 0) {
        fail("exec: %d of %d executions have an error status", run.failed, samples.count);
    }
    report("exec");
}

/* ---- Recurring monitors ---- */

static struct {
    int count;
    int interval_ms;
    int begun;
    double *last; /* when each monitor's latest result arrived, or 0 */
} recurring;

static void
recurring_ended(lrmd_event_data_t *event)
{
    double *last;

    if (event->type == lrmd_event_disconnect) {
        fail("disconnected");
    }
    if (event->type != lrmd_event_exec_complete) {
        return;
    }
    if (event->op_status != PCMK_EXEC_DONE) {
        fail("recurring monitor of %s has status %d", event->rsc_id, event->op_status);
    }
    last = &recurring.last[slot_of(event)];
    add_sample(*last > 0 ? now() - *last - recurring.interval_ms / 1e3 : 0);
    *last = now();
}

static gboolean
begin_next(gpointer unused)
{
    int rc;

    register_resource(recurring.begun);
    rc = lrmd->cmds->exec(lrmd, resource_id(recurring.begun), "monitor", NULL, recurring.interval_ms,
                          ACTION_TIMEOUT_MS, 0, lrmd_opt_notify_orig_only, NULL);
    if (rc <= 0) {
        fail("exec of a recurring monitor: %d", rc);
    }
    if (++recurring.begun < recurring.count) {
        return G_SOURCE_CONTINUE;
    }
    printf("{\"name\":\"started\",\"count\":%d}\n", recurring.count);
    fflush(stdout);
    return G_SOURCE_REMOVE;
}

/* The runner writes a line, and waits for the answer before it writes the next. */
static gboolean
tell_results(gint input, GIOCondition condition, gpointer unused)
{
    char line[64];

    if (read(input, line, sizeof(line)) <= 0) {
        g_main_loop_quit(loop);
        return G_SOURCE_REMOVE;
    }
    if (samples.count > 0) {
        report("results");
    } else {
        printf("{\"name\":\"results\",\"count\":0}\n");
        fflush(stdout);
    }
    begin();
    return G_SOURCE_CONTINUE;
}

static void
measure_recurring(int count, int interval_ms, int spread_ms)
{
    recurring.count = count;
    recurring.interval_ms = interval_ms;
    recurring.last = g_new0(double, count);
    lrmd->cmds->set_callback(lrmd, recurring_ended);
    begin();
    if (spread_ms > 0) {
        g_timeout_add(spread_ms / count, begin_next, NULL);
    } else {
        while (begin_next(NULL) == G_SOURCE_CONTINUE) {
        }
    }
    g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, tell_results, NULL);
    g_main_loop_run(loop);
}

/* ---- Many executions at the same moment ---- */

enum { BURST_LEAD_MS = 1000 };

static struct {
    int count;
    int ended;
    double due;
} burst;

static void
burst_ended(lrmd_event_data_t *event)
{
    if (event->type == lrmd_event_disconnect) {
        fail("disconnected");
    }
    if (event->type != lrmd_event_exec_complete) {
        return;
    }
    if (event->op_status != PCMK_EXEC_DONE) {
        fail("monitor of %s has status %d", event->rsc_id, event->op_status);
    }
    add_sample(now() - burst.due);
    if (++burst.ended == burst.count) {
        g_main_loop_quit(loop);
    }
}

/* Another process, which asks until the other end of the pipe is closed. */
static void
ask_until_closed(int pipe)
{
    struct pollfd end = { .fd = pipe, .events = POLLIN };

    connect_or_fail();
    begin();
    for (int round = 0; poll(&end, 1, 1) == 0; round++) {
        round_info(round);
    }
    report("bystander");
    _exit(0);
}

static void
queue_burst(void)
{
    burst.due = now() + (BURST_LEAD_MS + burst.count) / 1e3;
    for (int slot = 0; slot < burst.count; slot++) {
        int delay_ms = (burst.due - now()) * 1e3;
        int rc;

        if (delay_ms <= 0) {
            fail("%d of %d monitors were queued when they were due", slot, burst.count);
        }
        rc = lrmd->cmds->exec(lrmd, resource_id(slot), "monitor", NULL, 0, ACTION_TIMEOUT_MS, delay_ms,
                              lrmd_opt_notify_orig_only, NULL);
        if (rc <= 0) {
            fail("exec: %d", rc);
        }
    }
}

static void
measure_burst(int count)
{
    int ends[2];
    int status;
    pid_t bystander;

    burst.count = count;
    lrmd->cmds->set_callback(lrmd, burst_ended);
    for (int slot = 0; slot < count; slot++) {
        register_resource(slot);
        /* Each is told to all clients, and one that never reads is disconnected. */
        while (g_main_context_iteration(NULL, FALSE)) {
        }
    }
    queue_burst();
    if (pipe(ends) < 0 || (bystander = fork()) < 0) {
        fail("no process for the bystander");
    }
    if (bystander == 0) {
        close(ends[1]);
        ask_until_closed(ends[0]);
    }
    begin();
    g_main_loop_run(loop);
    report("burst");
    close(ends[1]);
    if (waitpid(bystander, &status, 0) != bystander || status != 0) {
        fail("the bystander did not get all its answers");
    }
}

/* ---- Clients that never read ---- */

static void
measure_held(int count)
{
    char line[64];
    double start = now();

    begin();
    for (int slot = 0; slot < count; slot++) {
        connect_or_fail();
        add_sample(now() - start);
        start = now();
    }
    report("hold");
    while (read(STDIN_FILENO, line, sizeof(line)) > 0) {
    }
}

/* ---- Command line ---- */

static int
number(char **arguments, int index, const char *what)
{
    int value = arguments[index] ? atoi(arguments[index]) : 0;

    if (value <= 0) {
        fail("%s has to be a number above 0", what);
    }
    return value;
}

static void
set_agent(char *text)
{
    gchar **parts = g_strsplit(text, ":", 3);

    if (g_strv_length(parts) != 3) {
        fail("-a wants STANDARD:PROVIDER:TYPE, with an empty provider where the standard has none");
    }
    standard = parts[0];
    provider = *parts[1] ? parts[1] : NULL;
    type = parts[2];
}

static void
run_measure(char **arguments)
{
    const char *measure = arguments[0];

    if (strcmp(measure, "connect") == 0) {
        measure_rounds("connect", round_connect);
        return;
    }
    if (strcmp(measure, "hold") == 0) {
        measure_held(number(arguments, 1, "COUNT"));
        return;
    }
    connect_or_fail();
    if (strcmp(measure, "info") == 0) {
        register_resource(0);
        measure_rounds("info", round_info);
    } else if (strcmp(measure, "poke") == 0) {
        lrmd->cmds->set_callback(lrmd, poke_arrived);
        measure_rounds("poke", round_poke);
    } else if (strcmp(measure, "register") == 0) {
        measure_rounds("register", round_register);
        max_rounds = samples.count;
        measure_rounds("unregister", round_unregister);
    } else if (strcmp(measure, "exec") == 0) {
        measure_executions(number(arguments, 1, "IN_FLIGHT"));
    } else if (strcmp(measure, "recur") == 0) {
        int count = number(arguments, 1, "COUNT");
        int interval_ms = number(arguments, 2, "MS");

        measure_recurring(count, interval_ms, arguments[3] ? atoi(arguments[3]) : 0);
    } else if (strcmp(measure, "burst") == 0) {
        measure_burst(number(arguments, 1, "COUNT"));
    } else {
        fail("no measure is called %s", measure);
    }
    lrmd->cmds->set_callback(lrmd, NULL);
    lrmd->cmds->disconnect(lrmd);
    lrmd_api_delete(lrmd);
}

int
main(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "+Sa:p:n:t:")) != -1) {
        switch (option) {
            case 'S': use_tls = true; break;
            case 'a': set_agent(optarg); break;
            case 'p': prefix = optarg; break;
            case 'n': max_rounds = atoi(optarg); break;
            case 't': max_seconds = atof(optarg); break;
            default: return 1;
        }
    }
    if (optind == argc) {
        fail("name a measure; the head of the source lists them");
    }
    loop = g_main_loop_new(NULL, FALSE);
    run_measure(argv + optind);
    return 0;
}
