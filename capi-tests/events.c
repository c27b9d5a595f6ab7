/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every kind of event with all its fields, and the requests that cause them.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "harness.h"

/* While an operation repeats, only its first results are shown: how many more come is a matter of time. */
static int results_to_show = -1;

static void
some_results(lrmd_event_data_t *event)
{
    seen[event->type]++;
    if (event->type == lrmd_event_exec_complete && results_to_show >= 0) {
        if (results_to_show == 0) {
            return;
        }
        results_to_show--;
    }
    show(event);
}

/* Requests an operation; prints what exec returned. */
static int
run(lrmd_t *lrmd, const char *id, const char *action, unsigned int interval_ms, int timeout, int delay,
    enum lrmd_call_options options, lrmd_key_value_t *params)
{
    int call = lrmd->cmds->exec(lrmd, id, action, "user data", interval_ms, timeout, delay, options, params);

    printf("  exec %s %s: %d\n", id, action, call);
    return call;
}

static void
registration(lrmd_t *lrmd)
{
    lrmd_rsc_info_t *info;

    printf(" registration\n");
    add_resource(lrmd, "r");
    barrier(lrmd);
    info = lrmd->cmds->get_rsc_info(lrmd, "r", 0);
    printf("  get_rsc_info: %s %s:%s:%s\n", info->id, info->standard, info->provider, info->type);
    lrmd_free_rsc_info(info);
    info = lrmd->cmds->get_rsc_info(lrmd, "unknown", 0);
    printf("  get_rsc_info of an unknown one: %s\n", info == NULL ? "NULL" : "something");
    printf("  the same again: %d\n", lrmd->cmds->register_rsc(lrmd, "r", "ocf", "test", "Script", 0));
    barrier(lrmd);
    printf("  without a provider: %d\n", lrmd->cmds->register_rsc(lrmd, "s", "systemd", NULL, "none", 0));
    info = lrmd->cmds->get_rsc_info(lrmd, "s", 0);
    printf("  get_rsc_info: %s %s:%s:%s\n", info->id, info->standard, shown(info->provider), info->type);
    lrmd_free_rsc_info(info);
    printf("  unregister: %d\n", lrmd->cmds->unregister_rsc(lrmd, "s", 0));
    barrier(lrmd);
}

static void
results(lrmd_t *lrmd)
{
    lrmd_key_value_t *params = NULL;

    printf(" results\n");
    params = lrmd_key_value_add(params, "output", "said & <done> 'so' \"there\"");
    params = lrmd_key_value_add(params, "CRM_meta_timeout", "20000");
    params = lrmd_key_value_add(params, "1st", "a key that is no name of an attribute");
    params = lrmd_key_value_add(params, "empty", "");
    params = lrmd_key_value_add(params, "output", "a key that is there already");
    run(lrmd, "r", "start", 0, 20000, 0, 0, params);
    await_next(lrmd_event_exec_complete);

    run(lrmd, "r", "monitor", 0, 20000, 0, lrmd_opt_notify_orig_only, NULL);
    await_next(lrmd_event_exec_complete);

    params = lrmd_key_value_add(NULL, "rc", "7");
    run(lrmd, "r", "monitor", 0, 20000, 0, 0, params);
    await_next(lrmd_event_exec_complete);

    params = lrmd_key_value_add(NULL, "rc", "1");
    params = lrmd_key_value_add(params, "reason", "the reason of it");
    run(lrmd, "r", "monitor", 0, 20000, 0, 0, params);
    await_next(lrmd_event_exec_complete);

    /* An agent that exits with what OCF does not know. */
    params = lrmd_key_value_add(NULL, "rc", "77");
    run(lrmd, "r", "monitor", 0, 20000, 0, 0, params);
    await_next(lrmd_event_exec_complete);

    /* No such agent. */
    lrmd->cmds->register_rsc(lrmd, "gone", "ocf", "test", "None", 0);
    run(lrmd, "gone", "monitor", 0, 20000, 0, 0, NULL);
    await_next(lrmd_event_exec_complete);
    lrmd->cmds->unregister_rsc(lrmd, "gone", 0);
}

static void
delays_and_timeouts(lrmd_t *lrmd)
{
    const char *fifo = own_path("fifo");
    lrmd_key_value_t *params = NULL;

    printf(" delays and timeouts\n");
    run(lrmd, "r", "monitor", 0, 20000, 50, 0, NULL);
    await_next(lrmd_event_exec_complete);

    if (mkfifo(fifo, 0600) < 0 && errno != EEXIST) {
        perror(fifo);
        exit(1);
    }
    /* Nobody ever writes there. */
    params = lrmd_key_value_add(NULL, "fifo", fifo);
    run(lrmd, "r", "monitor", 0, 1500, 0, 0, params);
    await_next(lrmd_event_exec_complete);
}

static void
recurring(lrmd_t *lrmd)
{
    GList *operations = NULL;

    printf(" recurring operations\n");
    run(lrmd, "r", "monitor", 60000, 20000, 0, lrmd_opt_notify_changes_only, NULL);
    await_next(lrmd_event_exec_complete);
    printf("  get_recurring_ops: %d\n", lrmd->cmds->get_recurring_ops(lrmd, "r", 0, 0, &operations));
    for (GList *each = operations; each != NULL; each = each->next) {
        lrmd_op_info_t *info = each->data;

        printf("  %s %s interval=%s timeout=%s\n", info->rsc_id, info->action, info->interval_ms_s,
               info->timeout_ms_s);
    }
    g_list_free_full(operations, (GDestroyNotify) lrmd_free_op_info);
    printf("  get_recurring_ops of all: %d\n", lrmd->cmds->get_recurring_ops(lrmd, NULL, 0, 0, &operations));
    printf("  %u of them\n", g_list_length(operations));
    g_list_free_full(operations, (GDestroyNotify) lrmd_free_op_info);
    printf("  of an unknown one: %d\n", lrmd->cmds->get_recurring_ops(lrmd, "unknown", 0, 0, &operations));
    printf("  %u of them\n", g_list_length(operations));
    g_list_free_full(operations, (GDestroyNotify) lrmd_free_op_info);
    printf("  nowhere to put them: %d\n", lrmd->cmds->get_recurring_ops(lrmd, "r", 0, 0, NULL));

    /* The same once more: it runs at once, and its result is told. */
    run(lrmd, "r", "monitor", 60000, 30000, 0, lrmd_opt_notify_changes_only, NULL);
    await_next(lrmd_event_exec_complete);

    printf("  cancel: %d\n", lrmd->cmds->cancel(lrmd, "r", "monitor", 60000));
    await_next(lrmd_event_exec_complete);
    printf("  cancel again: %d\n", lrmd->cmds->cancel(lrmd, "r", "monitor", 60000));
    barrier(lrmd);

    /* Repeats come by themselves. */
    results_to_show = 2;
    run(lrmd, "r", "monitor", 100, 20000, 0, 0, NULL);
    await_next(lrmd_event_exec_complete);
    await_next(lrmd_event_exec_complete);
    printf("  unregister: %d\n", lrmd->cmds->unregister_rsc(lrmd, "r", 0));
    await_next(lrmd_event_unregister);
    barrier(lrmd);
    results_to_show = -1;
}

static void
another_client(lrmd_t *lrmd, const char *transport)
{
    lrmd_t *other;

    printf(" another client\n");
    other = connected(transport, NULL);
    await_next(lrmd_event_new_client);
    lrmd_api_delete(other);
    barrier(lrmd);
}

int
main(void)
{
    begin();
    for (int i = 0; i < 2; i++) {
        lrmd_t *lrmd = connected(TRANSPORTS[i], some_results);

        printf("%s\n", TRANSPORTS[i]);
        registration(lrmd);
        results(lrmd);
        delays_and_timeouts(lrmd);
        recurring(lrmd);
        another_client(lrmd, TRANSPORTS[i]);
        printf(" the end\n");
        lrmd_api_delete(lrmd);
        run_ready();
    }
    return 0;
}
