/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A connection's life: made, connected, disconnected, connected again, deleted; both kinds, both ways to connect.
 */
#include "harness.h"

static void
never_connected(const char *transport)
{
    lrmd_t *lrmd = connection(transport);

    printf(" never connected\n");
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    printf("  poke: %d\n", lrmd->cmds->poke_connection(lrmd));
    printf("  register_rsc: %d\n", lrmd->cmds->register_rsc(lrmd, "r", "ocf", "test", "Script", 0));
    printf("  disconnect: %d\n", lrmd->cmds->disconnect(lrmd));
    printf("  again: %d\n", lrmd->cmds->disconnect(lrmd));
    lrmd_api_delete(lrmd);

    lrmd = connection(transport);
    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  deleted with a callback\n");
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
connect_twice(const char *transport)
{
    lrmd_t *lrmd = connection(transport);

    printf(" connected and disconnected\n");
    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  connect: %d\n", lrmd->cmds->connect(lrmd, "program", NULL));
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    barrier(lrmd);
    printf("  disconnect\n");
    printf("  disconnect: %d\n", lrmd->cmds->disconnect(lrmd));
    run_ready();
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    printf("  poke: %d\n", lrmd->cmds->poke_connection(lrmd));
    printf("  disconnect again: %d\n", lrmd->cmds->disconnect(lrmd));
    run_ready();

    printf(" connected again\n");
    printf("  connect: %d\n", lrmd->cmds->connect(lrmd, "program", NULL));
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    printf("  disconnect: %d\n", lrmd->cmds->disconnect(lrmd));
    run_ready();
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
deleted_while_connected(const char *transport)
{
    lrmd_t *lrmd = connected(transport, print_event);

    printf(" deleted while connected\n");
    lrmd_api_delete(lrmd);
    printf("  deleted\n");
    run_ready();

    printf(" the same without a callback\n");
    lrmd = connected(transport, NULL);
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
asynchronous(const char *transport)
{
    lrmd_t *lrmd = connection(transport);
    int before = seen[lrmd_event_connect];

    printf(" connect_async without a callback\n");
    printf("  connect_async: %d\n", lrmd->cmds->connect_async(lrmd, "program", 5000));
    printf(" connect_async\n");
    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  connect_async: %d\n", lrmd->cmds->connect_async(lrmd, "program", 5000));
    await(lrmd_event_connect, before + 1);
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    barrier(lrmd);
    printf("  disconnect: %d\n", lrmd->cmds->disconnect(lrmd));
    run_ready();
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
names(void)
{
    /* Who has no name of the node takes the address, and the other way round. */
    lrmd_t *unnamed = lrmd_remote_api_new(NULL, "127.0.0.1", port());
    lrmd_t *unaddressed = lrmd_remote_api_new("127.0.0.1", NULL, port());
    lrmd_t *local = lrmd_remote_api_new(NULL, NULL, 1);
    lrmd_t *all[] = { unnamed, unaddressed, local };

    printf("names\n");
    for (int i = 0; i < 3; i++) {
        lrmd_t *lrmd = all[i];

        lrmd->cmds->set_callback(lrmd, print_event);
        printf("  connect: %d\n", lrmd->cmds->connect(lrmd, "program", NULL));
        barrier(lrmd);
        lrmd_api_delete(lrmd);
        run_ready();
    }
    lrmd_api_delete(NULL);
}

int
main(void)
{
    begin();
    for (int i = 0; i < 2; i++) {
        printf("%s\n", TRANSPORTS[i]);
        never_connected(TRANSPORTS[i]);
        connect_twice(TRANSPORTS[i]);
        deleted_while_connected(TRANSPORTS[i]);
        asynchronous(TRANSPORTS[i]);
    }
    names();
    return 0;
}
