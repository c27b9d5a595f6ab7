/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * NULL for a connection or an argument where upstream's library crashes: ours answers with an error. Runs on ours only;
 * the lines here are the list.
 */
#include "harness.h"

/* With "NULL: refused" for each, a code that changes is no matter; that it is one, is. */
#define REFUSED(call) printf("  " #call ": %s\n", (call) < 0 ? "refused" : "not refused")

static void
no_connection(const lrmd_api_operations_t *cmds)
{
    char *output = NULL;
    GList *operations = NULL;
    int fd = -1;

    printf("no connection\n");
    REFUSED(cmds->connect(NULL, "program", &fd));
    REFUSED(cmds->connect_async(NULL, "program", 1000));
    REFUSED(cmds->poke_connection(NULL));
    REFUSED(cmds->register_rsc(NULL, "r", "ocf", "test", "Script", 0));
    REFUSED(cmds->unregister_rsc(NULL, "r", 0));
    REFUSED(cmds->exec(NULL, "r", "start", NULL, 0, 1000, 0, 0, lrmd_key_value_add(NULL, "key", "value")));
    REFUSED(cmds->cancel(NULL, "r", "monitor", 1000));
    REFUSED(cmds->exec_alert(NULL, "id", "/bin/true", 1000, lrmd_key_value_add(NULL, "key", "value")));
    REFUSED(cmds->get_recurring_ops(NULL, "r", 0, 0, &operations));
    REFUSED(lrmd_poll(NULL, 0));
    printf("  is_connected: %d\n", cmds->is_connected(NULL));
    printf("  disconnect: %d\n", cmds->disconnect(NULL) <= 0);
    printf("  get_rsc_info: %s\n", cmds->get_rsc_info(NULL, "r", 0) == NULL ? "NULL" : "something");
    printf("  lrmd_dispatch: %d\n", lrmd_dispatch(NULL));
    cmds->set_callback(NULL, print_event);
    /* Listings and metadata need no connection. */
    printf("  get_metadata: %d\n", cmds->get_metadata(NULL, "ocf", "test", "Script", &output, 0));
    free(output);
}

static void
no_place_for_the_answer(lrmd_t *lrmd)
{
    printf("no place for the answer\n");
    REFUSED(lrmd->cmds->get_metadata(lrmd, "ocf", "test", "Script", NULL, 0));
    REFUSED(lrmd->cmds->get_recurring_ops(lrmd, "r", 0, 0, NULL));
}

static void
no_events(void)
{
    printf("no event\n");
    printf("  lrmd_copy_event: %s\n", lrmd_copy_event(NULL) == NULL ? "NULL" : "something");
}

int
main(void)
{
    lrmd_t *lrmd;

    begin();
    lrmd = lrmd_api_new();
    no_connection(lrmd->cmds);
    no_place_for_the_answer(lrmd);
    no_events();
    lrmd_api_delete(lrmd);
    return 0;
}
