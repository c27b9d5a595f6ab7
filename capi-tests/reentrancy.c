/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What callbacks may do: call, disconnect, connect again. What is told during such a call comes afterwards.
 */
#include "harness.h"

static lrmd_t *the_connection;
static bool inside;

/* An event inside a call would show here. */
static void
enter(lrmd_event_data_t *event)
{
    seen[event->type]++;
    if (inside) {
        printf("  while a callback is running:\n");
    }
    show(event);
}

/* On the result of an operation: asks for more, in the middle of the callback. */
static void
call_inside(lrmd_event_data_t *event)
{
    enter(event);
    if (event->type == lrmd_event_exec_complete && strcmp(event->rsc_id, "r") == 0) {
        lrmd_rsc_info_t *info;
        int call;

        inside = true;
        printf("   is_connected: %d\n", the_connection->cmds->is_connected(the_connection));
        add_resource(the_connection, "inner");
        info = the_connection->cmds->get_rsc_info(the_connection, "inner", 0);
        printf("   get_rsc_info: %s\n", info != NULL ? info->type : "NULL");
        lrmd_free_rsc_info(info);
        printf("   unregister: %d\n", the_connection->cmds->unregister_rsc(the_connection, "r", 0));
        call = the_connection->cmds->exec(the_connection, "inner", "monitor", NULL, 0, 20000, 0, 0, NULL);
        printf("   exec: %d\n", call);
        printf("   the event still says: %s %s\n", event->rsc_id, event->op_type);
        inside = false;
    }
}

static void
calls(const char *transport)
{
    lrmd_t *lrmd = connected(transport, call_inside);
    int results = seen[lrmd_event_exec_complete];

    printf(" calls inside a callback\n");
    the_connection = lrmd;
    add_resource(lrmd, "r");
    printf("  exec: %d\n", lrmd->cmds->exec(lrmd, "r", "start", NULL, 0, 20000, 0, 0, NULL));
    await(lrmd_event_exec_complete, results + 2);
    printf("  unregister: %d\n", lrmd->cmds->unregister_rsc(lrmd, "inner", 0));
    barrier(lrmd);
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
queued(const char *transport)
{
    lrmd_t *lrmd = connected(transport, print_event);

    /* Each call is told to everybody, and none of it is told before the main loop runs. */
    printf(" what comes during calls waits\n");
    add_resource(lrmd, "q1");
    add_resource(lrmd, "q2");
    printf("  unregister: %d\n", lrmd->cmds->unregister_rsc(lrmd, "q1", 0));
    printf("  unregister: %d\n", lrmd->cmds->unregister_rsc(lrmd, "q2", 0));
    printf("  the main loop runs\n");
    barrier(lrmd);

    printf(" what waits is gone with the connection\n");
    add_resource(lrmd, "q1");
    lrmd->cmds->unregister_rsc(lrmd, "q1", 0);
    printf("  disconnect: %d\n", lrmd->cmds->disconnect(lrmd));
    run_ready();
    lrmd_api_delete(lrmd);
}

static void
disconnect_inside(lrmd_event_data_t *event)
{
    enter(event);
    if (event->type == lrmd_event_poke) {
        inside = true;
        printf("   disconnect: %d\n", the_connection->cmds->disconnect(the_connection));
        printf("   is_connected: %d\n", the_connection->cmds->is_connected(the_connection));
        printf("   poke: %d\n", the_connection->cmds->poke_connection(the_connection));
        inside = false;
    }
}

static void
disconnecting(const char *transport)
{
    lrmd_t *lrmd = connected(transport, disconnect_inside);
    int disconnects = seen[lrmd_event_disconnect];

    printf(" disconnect inside a callback\n");
    the_connection = lrmd;
    barrier(lrmd);
    await(lrmd_event_disconnect, disconnects + 1);
    run_ready();
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    lrmd_api_delete(lrmd);
    run_ready();
}

/* On the connection's end: asks for more. */
static void
call_at_the_end(lrmd_event_data_t *event)
{
    enter(event);
    if (event->type == lrmd_event_disconnect && seen[lrmd_event_disconnect] == 1) {
        inside = true;
        printf("   is_connected: %d\n", the_connection->cmds->is_connected(the_connection));
        printf("   poke: %d\n", the_connection->cmds->poke_connection(the_connection));
        inside = false;
    }
}

static void
ending(const char *transport)
{
    lrmd_t *lrmd;

    printf(" calls when the end is told\n");
    seen[lrmd_event_disconnect] = 0;
    lrmd = connected(transport, call_at_the_end);
    the_connection = lrmd;
    lrmd->cmds->disconnect(lrmd);
    await(lrmd_event_disconnect, 1);
    lrmd_api_delete(lrmd);
    run_ready();
}

/* Another callback from within the callback. */
static void
change_callback(lrmd_event_data_t *event)
{
    printf("  the first callback:\n");
    print_event(event);
    the_connection->cmds->set_callback(the_connection, print_event);
}

static void
changing(const char *transport)
{
    lrmd_t *lrmd = connected(transport, change_callback);

    printf(" another callback from within a callback\n");
    the_connection = lrmd;
    barrier(lrmd);
    barrier(lrmd);
    lrmd->cmds->set_callback(lrmd, NULL);
    lrmd_api_delete(lrmd);
    run_ready();
}

int
main(void)
{
    begin();
    for (int i = 0; i < 2; i++) {
        printf("%s\n", TRANSPORTS[i]);
        calls(TRANSPORTS[i]);
        queued(TRANSPORTS[i]);
        disconnecting(TRANSPORTS[i]);
        ending(TRANSPORTS[i]);
        changing(TRANSPORTS[i]);
    }
    return 0;
}
