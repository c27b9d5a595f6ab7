/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The client that Pacemaker's executor suite drives: one call of the executor's interface, or a wait for one event.
 * Debian 12 has the library (liblrmd.so.28) but does not package the suite's own helper.  The options and the
 * exit statuses are those that the suite (cts-exec of 3.0.0) uses.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include <glib.h>

#include <crm/common/results.h>
#include <crm/common/util.h>
#include <crm/lrmd.h>

enum { ATTEMPTS = 10, CONNECT_MS = 3000 };

/* What the options say. */
static struct {
    const char *call, *event;
    const char *resource, *standard, *provider, *agent, *action;
    const char *parameter;
    lrmd_key_value_t *parameters;
    unsigned interval_ms;
    int timeout_ms, delay_ms;
    enum lrmd_call_options notify;
    bool tls, detached;
} wanted;

static lrmd_t *executor;
static int pending_call;

static void
leave(int status, const char *reason)
{
    printf("%s\n", reason);
    fflush(stdout);
    lrmd_api_delete(executor);
    exit(status);
}

/* One for each call: negative is a failure, positive the number of an operation to wait for. */

static int
register_resource(void)
{
    return executor->cmds->register_rsc(executor, wanted.resource, wanted.standard, wanted.provider, wanted.agent, 0);
}

static int
unregister_resource(void)
{
    return executor->cmds->unregister_rsc(executor, wanted.resource, 0);
}

static int
show_resource(void)
{
    lrmd_rsc_info_t *found = executor->cmds->get_rsc_info(executor, wanted.resource, 0);

    if (!found) {
        return -1;
    }
    printf("RSC_INFO: id:%s class:%s provider:%s type:%s\n", found->id, found->standard,
           found->provider ? found->provider : "<none>", found->type);
    lrmd_free_rsc_info(found);
    return 0;
}

static int
execute(void)
{
    pending_call = executor->cmds->exec(executor, wanted.resource, wanted.action, NULL, wanted.interval_ms,
                                        wanted.timeout_ms, wanted.delay_ms, wanted.notify, wanted.parameters);
    return pending_call;
}

static int
cancel(void)
{
    return executor->cmds->cancel(executor, wanted.resource, wanted.action, wanted.interval_ms);
}

static int
show_metadata(void)
{
    char *text = NULL;
    int rc = executor->cmds->get_metadata(executor, wanted.standard, wanted.provider, wanted.agent, &text, 0);

    if (rc == 0) {
        printf("%s\n", text);
        free(text);
    }
    return rc;
}

static int
show_list(int count, lrmd_list_t *names)
{
    for (lrmd_list_t *name = names; name; name = name->next) {
        printf("%s\n", name->val);
    }
    lrmd_list_freeall(names);
    return count > 0 ? 0 : -1;
}

static int
show_agents(void)
{
    lrmd_list_t *names = NULL;
    int count = executor->cmds->list_agents(executor, &names, wanted.standard, wanted.provider);

    return show_list(count, names);
}

static int
show_providers(void)
{
    lrmd_list_t *names = NULL;
    int count = executor->cmds->list_ocf_providers(executor, wanted.agent, &names);

    return show_list(count, names);
}

static const struct {
    const char *name;
    int (*function)(void);
    bool offline;             /* answered by the library itself */
} calls[] = {
    { "register_rsc", register_resource, false },
    { "unregister_rsc", unregister_resource, false },
    { "get_rsc_info", show_resource, false },
    { "exec", execute, false },
    { "cancel", cancel, false },
    { "metadata", show_metadata, true },
    { "list_agents", show_agents, true },
    { "list_ocf_providers", show_providers, true },
};

/* The suite has 3.0's words; of those it uses, 2.1 has another for this one. */
static const char *
status_word(int status)
{
    return status == PCMK_EXEC_DONE ? "Done" : pcmk_exec_status_str(status);
}

static void
on_event(lrmd_event_data_t *event)
{
    char *text = g_strdup_printf("NEW_EVENT event_type:%s rsc_id:%s action:%s rc:%s op_status:%s",
                                 lrmd_event_type2str(event->type), event->rsc_id,
                                 event->op_type ? event->op_type : "none", crm_exit_str((crm_exit_t) event->rc),
                                 status_word(event->op_status));
    bool heard = wanted.event && strcasecmp(wanted.event, text) == 0;
    bool ours = pending_call && event->call_id == pending_call;
    bool good = event->rc == 0 && event->op_status == PCMK_EXEC_DONE;

    printf("%s\n", text);
    g_free(text);
    if (heard) {
        leave(CRM_EX_OK, "the event has come");
    }
    if (ours && !good) {
        leave(CRM_EX_ERROR, "the operation has failed");
    }
    if (ours && !wanted.event) {
        leave(CRM_EX_OK, "the operation has succeeded");
    }
}

static gboolean
on_timeout(gpointer ignored)
{
    leave(CRM_EX_TIMEOUT, "nothing came in time");
    return G_SOURCE_REMOVE;
}

/* The call, once there is a connection. */
static void
act(int (*function)(void))
{
    int rc;

    executor->cmds->set_callback(executor, on_event);
    if (wanted.timeout_ms) {
        g_timeout_add(wanted.timeout_ms, on_timeout, NULL);
    }
    if (!function) {
        return;
    }
    rc = function();
    if (rc < 0) {
        leave(CRM_EX_ERROR, "the call has failed");
    }
    if (wanted.detached || (rc == 0 && !wanted.event)) {
        leave(CRM_EX_OK, "the call has succeeded");
    }
}

static int (*chosen)(void);

static gboolean
connect_executor(gpointer ignored)
{
    static int attempts;

    if (attempts++ == ATTEMPTS) {
        leave(CRM_EX_ERROR, "no connection to the executor");
    }
    return executor->cmds->connect_async(executor, "cts-helper", CONNECT_MS) == 0 ? G_SOURCE_REMOVE
                                                                                  : G_SOURCE_CONTINUE;
}

static void
on_connection(lrmd_event_data_t *event)
{
    if (event->type != lrmd_event_connect) {
        return;
    }
    if (event->connection_rc == 0) {
        act(chosen);
    } else {
        g_timeout_add(200, connect_executor, NULL);
    }
}

static void
read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "c:l:r:C:P:T:a:i:t:s:k:v:wonSV")) != -1) {
        switch (option) {
            case 'c': wanted.call = optarg; break;
            case 'l': wanted.event = optarg; break;
            case 'r': wanted.resource = optarg; break;
            case 'C': wanted.standard = optarg; break;
            case 'P': wanted.provider = optarg; break;
            case 'T': wanted.agent = optarg; break;
            case 'a': wanted.action = optarg; break;
            case 'i': wanted.interval_ms = crm_parse_interval_spec(optarg); break;
            case 't': wanted.timeout_ms = atoi(optarg); break;
            case 's': wanted.delay_ms = atoi(optarg); break;
            case 'k': wanted.parameter = optarg; break;
            case 'v':
                wanted.parameters = lrmd_key_value_add(wanted.parameters, wanted.parameter, optarg);
                break;
            case 'w': wanted.detached = true; break;
            case 'o': wanted.notify = lrmd_opt_notify_changes_only; break;
            case 'n': wanted.notify = lrmd_opt_notify_orig_only; break;
            case 'S': wanted.tls = true; break;
            case 'V': break;
            default: exit(CRM_EX_USAGE);
        }
    }
}

int
main(int argc, char **argv)
{
    bool offline = false;

    read_options(argc, argv);
    for (size_t index = 0; wanted.call && index < G_N_ELEMENTS(calls); index++) {
        if (g_str_equal(wanted.call, calls[index].name)) {
            chosen = calls[index].function;
            offline = calls[index].offline;
        }
    }
    if (!chosen && (wanted.call || !wanted.event)) {
        fprintf(stderr, "no such call, and no event to wait for\n");
        return CRM_EX_USAGE;
    }
    executor = wanted.tls ? lrmd_remote_api_new(NULL, "localhost", 0) : lrmd_api_new();
    if (offline) {
        act(chosen);
    } else {
        executor->cmds->set_callback(executor, on_connection);
        if (connect_executor(NULL) != G_SOURCE_REMOVE) {
            g_timeout_add(200, connect_executor, NULL);
        }
    }
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
    return CRM_EX_SOFTWARE;
}
