/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Who frees what: the strings of an event that a callback may free or keep, the list of parameters that exec frees,
 * copies of events, and everything else that the caller gets. Most of it shows under the sanitizers only.
 */
#include "harness.h"

static char *kept_output;
static char *kept_reason;
static lrmd_event_data_t *kept_event;

/* Takes the strings away and leaves nothing behind. */
static void
take_strings(lrmd_event_data_t *event)
{
    seen[event->type]++;
    if (event->type != lrmd_event_exec_complete) {
        return;
    }
    show(event);
    kept_output = (char *) event->output;
    kept_reason = (char *) event->exit_reason;
    event->output = NULL;
    event->exit_reason = NULL;
}

/* Frees the strings, and puts others in their place. */
static void
replace_strings(lrmd_event_data_t *event)
{
    seen[event->type]++;
    if (event->type != lrmd_event_exec_complete) {
        return;
    }
    free((char *) event->output);
    free((char *) event->exit_reason);
    event->output = strdup("another output");
    event->exit_reason = strdup("another reason");
    show(event);
}

static void
copy_event(lrmd_event_data_t *event)
{
    seen[event->type]++;
    if (event->type == lrmd_event_exec_complete) {
        kept_event = lrmd_copy_event(event);
    }
}

static void
run(lrmd_t *lrmd)
{
    lrmd_key_value_t *params = lrmd_key_value_add(NULL, "output", "the output");
    int call;

    params = lrmd_key_value_add(params, "rc", "1");
    params = lrmd_key_value_add(params, "reason", "the reason");
    call = lrmd->cmds->exec(lrmd, "r", "monitor", "user data", 0, 20000, 0, 0, params);
    printf("  exec: %s\n", call > 0 ? "a call id" : strerror(-call));
    await_next(lrmd_event_exec_complete);
}

static void
strings_of_events(lrmd_t *lrmd)
{
    printf(" strings of events\n");
    lrmd->cmds->set_callback(lrmd, take_strings);
    run(lrmd);
    printf("  kept: '%s' '%s'\n", shown(kept_output), shown(kept_reason));
    free(kept_output);
    free(kept_reason);

    lrmd->cmds->set_callback(lrmd, replace_strings);
    run(lrmd);

    lrmd->cmds->set_callback(lrmd, copy_event);
    run(lrmd);
    printf("  copied:\n");
    show(kept_event);
    lrmd_free_event(kept_event);
}

static void
parameters(lrmd_t *lrmd)
{
    /* Freed whatever happens to the request. */
    lrmd_key_value_t *params = lrmd_key_value_add(NULL, "key", "value");

    printf(" parameters\n");
    printf("  exec of an unknown resource: %d\n",
           lrmd->cmds->exec(lrmd, "unknown", "monitor", NULL, 0, 20000, 0, 0, params));
    params = lrmd_key_value_add(NULL, "key", "value");
    printf("  exec_alert of nothing: %d\n", lrmd->cmds->exec_alert(lrmd, NULL, NULL, 20000, params));
}

static void
not_connected(lrmd_t *lrmd)
{
    lrmd_key_value_t *params = lrmd_key_value_add(NULL, "key", "value");

    printf(" not connected\n");
    printf("  exec: %d\n", lrmd->cmds->exec(lrmd, "r", "monitor", NULL, 0, 20000, 0, 0, params));
    params = lrmd_key_value_add(NULL, "key", "value");
    printf("  exec_alert: %d\n", lrmd->cmds->exec_alert(lrmd, "id", "/bin/true", 20000, params));
}

static void
metadata(lrmd_t *lrmd)
{
    char *output = NULL;
    lrmd_key_value_t *params = lrmd_key_value_add(NULL, "key", "value");
    int rc = lrmd->cmds->get_metadata_params(lrmd, "ocf", "test", "Script", &output, 0, params);

    printf(" metadata\n");
    printf("  get_metadata_params: %d, %s\n", rc, shown(output));
    free(output);
    output = NULL;
    rc = lrmd->cmds->get_metadata(lrmd, "ocf", "test", "Script", &output, 0);
    printf("  get_metadata: %d, %s\n", rc, shown(output));
    free(output);
    output = NULL;
    params = lrmd_key_value_add(NULL, "key", "value");
    rc = lrmd->cmds->get_metadata_params(lrmd, "ocf", "test", "None", &output, 0, params);
    printf("  of no agent: %d, %s\n", rc, shown(output));
    params = lrmd_key_value_add(NULL, "key", "value");
    rc = lrmd->cmds->get_metadata_params(lrmd, "ocf", "test", NULL, &output, 0, params);
    printf("  of nothing: %d, %s\n", rc, shown(output));
}

static void
show_list(const char *what, int rc, lrmd_list_t *list)
{
    GList *names = NULL;

    for (lrmd_list_t *each = list; each != NULL; each = each->next) {
        names = g_list_insert_sorted(names, (gpointer) each->val, (GCompareFunc) strcmp);
    }
    printf("  %s: %d", what, rc);
    for (GList *each = names; each != NULL; each = each->next) {
        printf(" %s", (const char *) each->data);
    }
    printf("\n");
    g_list_free(names);
    lrmd_list_freeall(list);
}

static void
listings(lrmd_t *lrmd)
{
    lrmd_list_t *list = NULL;
    int rc = lrmd->cmds->list_agents(lrmd, &list, "ocf", "test");

    printf(" listings\n");
    show_list("agents of a provider", rc, list);
    list = NULL;
    rc = lrmd->cmds->list_agents(lrmd, &list, "ocf", "none");
    show_list("agents of no provider", rc, list);
    list = NULL;
    rc = lrmd->cmds->list_agents(lrmd, &list, "none", NULL);
    show_list("agents of no standard", rc, list);
    list = NULL;
    rc = lrmd->cmds->list_ocf_providers(lrmd, "Script", &list);
    show_list("providers of an agent", rc, list);
    list = NULL;
    rc = lrmd->cmds->list_ocf_providers(lrmd, "None", &list);
    show_list("providers of no agent", rc, list);
    list = NULL;
    rc = lrmd->cmds->list_ocf_providers(lrmd, NULL, &list);
    show_list("providers", rc, list);
    list = NULL;
    rc = lrmd->cmds->list_standards(lrmd, &list);
    show_list("standards", rc, list);
}

static void
values(void)
{
    lrmd_event_data_t *event = lrmd_new_event("r", "monitor", 10000);
    lrmd_event_data_t *copy;

    printf("values\n");
    show(event);
    event->type = lrmd_event_exec_complete;
    event->output = strdup("output");
    event->exit_reason = strdup("reason");
    event->user_data = strdup("user data");
    event->remote_nodename = strdup(NODE);
    event->params = g_hash_table_new_full(g_str_hash, g_str_equal, free, free);
    g_hash_table_insert(event->params, strdup("key"), strdup("value"));
    event->t_run = event->t_rcchange = 1;
    event->call_id = 5;
    event->op_status = 2;
    copy = lrmd_copy_event(event);
    lrmd_free_event(event);
    show(copy);
    lrmd_free_event(copy);

    event = lrmd_new_event(NULL, NULL, 0);
    show(event);
    lrmd_free_event(event);
    lrmd_free_event(NULL);
}

int
main(void)
{
    begin();
    values();
    for (int i = 0; i < 2; i++) {
        lrmd_t *lrmd = connected(TRANSPORTS[i], NULL);

        printf("%s\n", TRANSPORTS[i]);
        add_resource(lrmd, "r");
        strings_of_events(lrmd);
        parameters(lrmd);
        lrmd->cmds->unregister_rsc(lrmd, "r", 0);
        lrmd->cmds->disconnect(lrmd);
        not_connected(lrmd);
        lrmd_api_delete(lrmd);
        run_ready();
    }
    lrmd_t *lrmd = lrmd_api_new();

    printf("without a connection\n");
    metadata(lrmd);
    listings(lrmd);
    lrmd_api_delete(lrmd);
    return 0;
}
