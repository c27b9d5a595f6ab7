/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Servers that mean harm: how long they hold the caller's main loop up and how much of the processor that costs, how
 * long a waited call with a limit of a second takes, and how much memory they cost. One line for each, with figures;
 * tests/capi_programs judges them.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <libxml/tree.h>

#include "harness.h"

/* From crm/lrmd_internal.h, which is not packaged. */
void lrmd_internal_set_proxy_callback(lrmd_t *lrmd, void *userdata,
                                      void (*callback)(lrmd_t *lrmd, void *userdata, xmlNode *msg));

#define FIRST_PORT 4013
#define TICK_US 10000
#define PHASE_US 1500000
#define CALL_MS 1000

/* As tests/capi_programs/hostile.rs has them. */
static const char *const HOSTILITIES[] = {
    "early-notifications", "early-giant", "compressed", "notifications", "large-notifications", "giants", "proxied",
    "drip", "junk", "answers",
};

#define COUNT (sizeof(HOSTILITIES) / sizeof(*HOSTILITIES))

static gint64 last_tick;
static gint64 last_spent;
static gint64 longest_gap;
static gint64 longest_spent;
static bool lost;

/* Time of the processor that this program had, in microseconds: what others have of it does not count. */
static gint64
spent(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (gint64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static gboolean
tick(gpointer data)
{
    gint64 now = g_get_monotonic_time();
    gint64 used = spent();

    (void) data;
    longest_gap = MAX(longest_gap, now - last_tick);
    longest_spent = MAX(longest_spent, used - last_spent);
    last_tick = now;
    last_spent = used;
    return G_SOURCE_CONTINUE;
}

static void
hear(lrmd_event_data_t *event)
{
    seen[event->type]++;
    if (event->type == lrmd_event_disconnect) {
        lost = true;
    }
}

static void
hear_proxied(lrmd_t *lrmd, void *userdata, xmlNode *msg)
{
    (void) lrmd;
    (void) userdata;
    (void) msg;
}

static void
meet(int number)
{
    lrmd_t *lrmd = lrmd_remote_api_new(NODE, "127.0.0.1", FIRST_PORT + number);
    GList *operations = NULL;
    struct rusage usage;
    gint64 begun = 0;
    int connected;
    int rc = 0;

    lrmd->cmds->set_callback(lrmd, hear);
    lrmd_internal_set_proxy_callback(lrmd, NULL, hear_proxied);
    connected = lrmd->cmds->connect(lrmd, "program", NULL);
    if (connected == 0) {
        guint source = g_timeout_add(TICK_US / 1000, tick, NULL);

        rc = lrmd->cmds->poke_connection(lrmd);
        last_tick = begun = g_get_monotonic_time();
        last_spent = spent();
        while (g_get_monotonic_time() - begun < PHASE_US) {
            g_main_context_iteration(NULL, TRUE);
        }
        g_source_remove(source);
        begun = g_get_monotonic_time();
        rc = lrmd->cmds->get_recurring_ops(lrmd, "r", CALL_MS, 0, &operations);
        begun = g_get_monotonic_time() - begun;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%s connect=%d gap_ms=%lld spent_ms=%lld call=%d call_ms=%lld lost=%d memory_kib=%ld\n", HOSTILITIES[number], connected,
           (long long) longest_gap / 1000, (long long) longest_spent / 1000, rc, (long long) begun / 1000, lost, usage.ru_maxrss);
    lrmd_api_delete(lrmd);
}

int
main(void)
{
    begin();
    for (int number = 0; number < (int) COUNT; number++) {
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
            alarm(DEADLINE_S);
            meet(number);
            exit(0);
        }
        waitpid(child, &status, 0);
        if (status != 0) {
            printf("%s ended with %d\n", HOSTILITIES[number], status);
            return 1;
        }
    }
    return 0;
}
