/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Without a main loop: the descriptor that connect gives, lrmd_poll and lrmd_dispatch.
 */
#include "harness.h"

/* Waits on the descriptor and dispatches until one more event of this kind has come. */
static void
dispatch_until(lrmd_t *lrmd, int fd, int type)
{
    int wanted = seen[type] + 1;

    while (seen[type] < wanted) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };

        if (lrmd_poll(lrmd, 0) <= 0 && poll(&wait, 1, DEADLINE_S * 1000) != 1) {
            printf("  nothing to read\n");
            return;
        }
        if (!lrmd_dispatch(lrmd)) {
            printf("  lrmd_dispatch: the connection is gone\n");
            return;
        }
    }
}

static void
requests(lrmd_t *lrmd, int fd)
{
    printf("  lrmd_poll with nothing to read: %d\n", lrmd_poll(lrmd, 0));
    printf("  lrmd_dispatch with nothing to read: %d\n", lrmd_dispatch(lrmd));
    printf("  poke: %d\n", lrmd->cmds->poke_connection(lrmd));
    dispatch_until(lrmd, fd, lrmd_event_poke);
    add_resource(lrmd, "r");
    printf("  exec: %d\n", lrmd->cmds->exec(lrmd, "r", "start", NULL, 0, 20000, 0, 0, NULL));
    dispatch_until(lrmd, fd, lrmd_event_exec_complete);
    printf("  unregister: %d\n", lrmd->cmds->unregister_rsc(lrmd, "r", 0));
}

static void
without_main_loop(const char *transport)
{
    lrmd_t *lrmd = connection(transport);
    int fd = -1;

    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  connect: %d\n", lrmd->cmds->connect(lrmd, "program", &fd));
    printf("  a descriptor: %d\n", fd > 2);
    requests(lrmd, fd);
    printf("  disconnect: %d\n", lrmd->cmds->disconnect(lrmd));
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    lrmd_api_delete(lrmd);

    printf(" another one\n");
    lrmd = connection(transport);
    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  connect: %d\n", lrmd->cmds->connect(lrmd, "program", &fd));
    printf("  poke: %d\n", lrmd->cmds->poke_connection(lrmd));
    dispatch_until(lrmd, fd, lrmd_event_poke);
    /* Nothing is attached to a main loop that happens to run. */
    run_ready();
    printf("  deleted while connected\n");
    lrmd_api_delete(lrmd);
}

int
main(void)
{
    begin();
    for (int i = 0; i < 2; i++) {
        printf("%s\n", TRANSPORTS[i]);
        without_main_loop(TRANSPORTS[i]);
    }
    return 0;
}
