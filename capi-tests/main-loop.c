/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Life in the caller's main loop: several connections beside the caller's own sources, nothing told inside a call,
 * a loop that runs by g_main_loop_run, and no source or descriptor left behind.
 */
#include <dirent.h>

#include "harness.h"

static int
descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* What the second connection hears; in which order the two hear it is nobody's business. */
static int second_seen[lrmd_event_new_client + 1];

static void
count_event(lrmd_event_data_t *event)
{
    second_seen[event->type]++;
}

static void
await_second(int type)
{
    while (second_seen[type] == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    printf("  the second heard of it: %s\n", kind(type));
}

static void
two_connections(void)
{
    lrmd_t *remote = connected("tls", print_event);
    lrmd_t *local = connected("local", count_event);

    /* The daemon tells everybody of a local client. */
    await(lrmd_event_new_client, 1);
    printf("two connections\n");
    printf(" by the first\n");
    add_resource(remote, "r");
    await(lrmd_event_register, 1);
    await_second(lrmd_event_register);
    printf(" by the second\n");
    printf("  unregister: %d\n", local->cmds->unregister_rsc(local, "r", 0));
    await(lrmd_event_unregister, 1);
    await_second(lrmd_event_unregister);
    printf(" only the second is left\n");
    lrmd_api_delete(remote);
    printf("  poke: %d\n", local->cmds->poke_connection(local));
    await_second(lrmd_event_poke);
    lrmd_api_delete(local);
    run_ready();
}

static gboolean
count(gpointer data)
{
    ++*(int *) data;
    return G_SOURCE_CONTINUE;
}

static void
nothing_inside_calls(const char *transport)
{
    lrmd_t *lrmd = connected(transport, print_event);
    int ran = 0;
    guint source = g_timeout_add(0, count, &ran);

    printf(" the caller's sources do not run inside calls\n");
    add_resource(lrmd, "r");
    lrmd->cmds->unregister_rsc(lrmd, "r", 0);
    printf("  ran: %d\n", ran);
    barrier(lrmd);
    while (ran == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    printf("  ran: yes\n");
    g_source_remove(source);
    lrmd_api_delete(lrmd);
    run_ready();
}

static GMainLoop *loop;

static void
quit_on_poke(lrmd_event_data_t *event)
{
    print_event(event);
    if (event->type == lrmd_event_poke) {
        g_main_loop_quit(loop);
    }
}

static lrmd_t *late;

static gboolean
disconnect_late(gpointer data)
{
    (void) data;
    printf("  disconnect: %d\n", late->cmds->disconnect(late));
    return G_SOURCE_REMOVE;
}

static void
quit_on_disconnect(lrmd_event_data_t *event)
{
    print_event(event);
    if (event->type == lrmd_event_disconnect) {
        g_main_loop_quit(loop);
    }
}

static void
running(const char *transport)
{
    lrmd_t *lrmd = connected(transport, quit_on_poke);

    printf(" g_main_loop_run\n");
    loop = g_main_loop_new(NULL, FALSE);
    printf("  poke: %d\n", lrmd->cmds->poke_connection(lrmd));
    g_main_loop_run(loop);
    lrmd->cmds->set_callback(lrmd, quit_on_disconnect);
    late = lrmd;
    g_idle_add(disconnect_late, NULL);
    g_main_loop_run(loop);
    g_main_loop_unref(loop);
    lrmd_api_delete(lrmd);
    run_ready();
}

/* Who asks often enough would see a descriptor or source that stays. */
static void
nothing_left(const char *transport)
{
    int before = 0;

    printf(" nothing is left behind\n");
    for (int i = 0; i < 5; i++) {
        lrmd_t *lrmd = connected(transport, NULL);

        lrmd->cmds->disconnect(lrmd);
        run_ready();
        lrmd_api_delete(lrmd);
        run_ready();
        lrmd_api_delete(connected(transport, NULL));
        run_ready();
        if (i == 0) {
            before = descriptors();
        }
    }
    printf("  descriptors: %+d\n", descriptors() - before);
    printf("  sources that are ready: %d\n", g_main_context_pending(NULL));
}

int
main(void)
{
    begin();
    two_connections();
    for (int i = 0; i < 2; i++) {
        printf("%s\n", TRANSPORTS[i]);
        nothing_inside_calls(TRANSPORTS[i]);
        running(TRANSPORTS[i]);
        nothing_left(TRANSPORTS[i]);
    }
    return 0;
}
