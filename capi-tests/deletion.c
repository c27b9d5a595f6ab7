/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What callbacks may do with ours and not with upstream's, which then uses freed memory or fails: delete the connection,
 * and connect it again. Runs on ours only.
 */
#include "harness.h"

static lrmd_t *the_connection;
static bool deleted;

/* Deletes the connection on the first event of this kind. */
static int deadly_kind;

static void
delete_inside(lrmd_event_data_t *event)
{
    show(event);
    seen[event->type]++;
    if ((int) event->type == deadly_kind && !deleted) {
        deleted = true;
        lrmd_api_delete(the_connection);
        /* The event is lent until the callback returns. */
        printf("  deleted; the event still says: %s %s\n", kind(event->type), shown(event->remote_nodename));
    }
}

static void
deleting(const char *transport, int type)
{
    lrmd_t *lrmd = connected(transport, delete_inside);

    printf(" deleted in an event of kind %s\n", kind(type));
    the_connection = lrmd;
    deadly_kind = type;
    deleted = false;
    add_resource(lrmd, "r");
    if (type == lrmd_event_exec_complete) {
        lrmd->cmds->exec(lrmd, "r", "start", NULL, 0, 20000, 0, 0, NULL);
    } else if (type == lrmd_event_disconnect) {
        lrmd->cmds->disconnect(lrmd);
    }
    while (!deleted) {
        g_main_context_iteration(NULL, TRUE);
    }
    run_ready();
}

static int connects_left;

/* Connects again when the end is told. */
static void
connect_inside(lrmd_event_data_t *event)
{
    show(event);
    seen[event->type]++;
    if (event->type == lrmd_event_disconnect && connects_left > 0) {
        connects_left--;
        printf("  connect: %d\n", the_connection->cmds->connect(the_connection, "program", NULL));
        printf("  is_connected: %d\n", the_connection->cmds->is_connected(the_connection));
    }
}

static void
connecting(const char *transport)
{
    lrmd_t *lrmd = connected(transport, connect_inside);

    printf(" connected again when the end is told\n");
    the_connection = lrmd;
    connects_left = 2;
    printf("  disconnect: %d\n", lrmd->cmds->disconnect(lrmd));
    barrier(lrmd);
    printf("  disconnect: %d\n", lrmd->cmds->disconnect(lrmd));
    barrier(lrmd);
    printf("  the last one\n");
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
remove_resource(const char *transport)
{
    lrmd_t *lrmd = connected(transport, NULL);

    lrmd->cmds->unregister_rsc(lrmd, "r", 0);
    lrmd_api_delete(lrmd);
    run_ready();
}

int
main(void)
{
    static const int kinds[] = { lrmd_event_register, lrmd_event_exec_complete, lrmd_event_disconnect };

    begin();
    for (int i = 0; i < 2; i++) {
        printf("%s\n", TRANSPORTS[i]);
        for (int k = 0; k < 3; k++) {
            deleting(TRANSPORTS[i], kinds[k]);
        }
        connecting(TRANSPORTS[i]);
        remove_resource(TRANSPORTS[i]);
    }
    printf("the end\n");
    return 0;
}
