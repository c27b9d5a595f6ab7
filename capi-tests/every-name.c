/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Uses every name of crm/lrmd.h as a caller does: it must compile, as C and as C++, with upstream's header and with
 * ours. It is not run.
 */
#include <stdlib.h>
#include <string.h>

#ifdef PCMK_REMOTE_RS
#include <pcmk-remote-rs.h>
#else
#include <crm/lrmd.h>
#endif

#ifdef __cplusplus
#define OPTIONS(bits) static_cast<enum lrmd_call_options>(bits)
#else
#define OPTIONS(bits) (bits)
#endif

static int events;

static void
on_event(lrmd_event_data_t *event)
{
    lrmd_event_data_t *copy = lrmd_copy_event(event);
    const char *kind = lrmd_event_type2str(event->type);

    switch (event->type) {
        case lrmd_event_register:
        case lrmd_event_unregister:
        case lrmd_event_exec_complete:
        case lrmd_event_poke:
        case lrmd_event_new_client:
            events += event->rc + event->op_status + event->call_id;
            break;
        case lrmd_event_connect:
        case lrmd_event_disconnect:
            events += event->connection_rc;
            break;
    }
    events += (int) strlen(kind) + (int) (copy->t_run + copy->t_rcchange);
    lrmd_free_event(copy);
}

static int
lists(lrmd_t *lrmd)
{
    lrmd_list_t *names = NULL;
    int count = lrmd->cmds->list_agents(lrmd, &names, "ocf", "heartbeat");

    for (lrmd_list_t *name = names; name != NULL; name = name->next) {
        count += (int) strlen(name->val);
    }
    lrmd_list_freeall(names);
    count += lrmd->cmds->list_ocf_providers(lrmd, NULL, &names);
    lrmd_list_freeall(names);
    count += lrmd->cmds->list_standards(lrmd, &names);
    lrmd_list_freeall(names);
    return count;
}

static void
free_operation(gpointer data)
{
    lrmd_free_op_info((lrmd_op_info_t *) data);
}

static int
resource(lrmd_t *lrmd, lrmd_key_value_t *params)
{
    const lrmd_api_operations_t *cmds = lrmd->cmds;
    lrmd_rsc_info_t *info = lrmd_new_rsc_info("r", "ocf", "heartbeat", "Dummy");
    lrmd_rsc_info_t *copy = lrmd_copy_rsc_info(info);
    GList *operations = NULL;
    char *metadata = NULL;
    int rc = cmds->register_rsc(lrmd, copy->id, copy->standard, copy->provider, copy->type, lrmd_opt_drop_recurring);

    lrmd_free_rsc_info(info);
    info = cmds->get_rsc_info(lrmd, "r", lrmd_opt_none);
    lrmd_free_rsc_info(info);
    lrmd_free_rsc_info(copy);
    rc += cmds->exec(lrmd, "r", "monitor", "data", 10000, 20000, 0,
                     OPTIONS(lrmd_opt_notify_orig_only | lrmd_opt_notify_changes_only), params);
    rc += cmds->get_recurring_ops(lrmd, "r", 1000, lrmd_opt_none, &operations);
    g_list_free_full(operations, free_operation);
    rc += cmds->cancel(lrmd, "r", "monitor", 10000);
    rc += cmds->unregister_rsc(lrmd, "r", lrmd_opt_none);
    rc += cmds->get_metadata(lrmd, "ocf", "heartbeat", "Dummy", &metadata, lrmd_opt_none);
    free(metadata);
    rc += cmds->get_metadata_params(lrmd, "ocf", "heartbeat", "Dummy", &metadata, lrmd_opt_none, NULL);
    free(metadata);
    return rc + cmds->exec_alert(lrmd, "alert", "/bin/true", 1000, NULL);
}

static int
connection(lrmd_t *lrmd)
{
    int fd = -1;
    int rc = lrmd->cmds->connect(lrmd, "every-name", &fd);

    lrmd->cmds->set_callback(lrmd, on_event);
    rc += lrmd->cmds->connect_async(lrmd, "every-name", 1000);
    if (lrmd->cmds->is_connected(lrmd) && lrmd_poll(lrmd, 0) && lrmd_dispatch(lrmd)) {
        rc += lrmd->cmds->poke_connection(lrmd);
    }
    return rc + lrmd->cmds->disconnect(lrmd);
}

#ifndef PCMK_REMOTE_RS
/* The public names of what is on the wire. */
static const char *const words[] = {
    LRMD_PROTOCOL_VERSION, DEFAULT_REMOTE_KEY_LOCATION, DEFAULT_REMOTE_USERNAME, LRMD_OP_RSC_REG, LRMD_OP_RSC_EXEC,
    LRMD_OP_RSC_CANCEL, LRMD_OP_RSC_UNREG, LRMD_OP_RSC_INFO, LRMD_OP_RSC_METADATA, LRMD_OP_POKE, LRMD_OP_NEW_CLIENT,
    LRMD_OP_CHECK, LRMD_OP_ALERT_EXEC, LRMD_OP_GET_RECURRING, LRMD_IPC_OP_NEW, LRMD_IPC_OP_DESTROY,
    LRMD_IPC_OP_EVENT, LRMD_IPC_OP_REQUEST, LRMD_IPC_OP_RESPONSE, LRMD_IPC_OP_SHUTDOWN_REQ,
    LRMD_IPC_OP_SHUTDOWN_ACK, LRMD_IPC_OP_SHUTDOWN_NACK
};
#endif

int
main(void)
{
    lrmd_key_value_t *params = lrmd_key_value_add(NULL, "key", "value");
    lrmd_event_data_t *event = lrmd_new_event("r", "monitor", 10000);
    lrmd_t *local = lrmd_api_new();
    lrmd_t *remote = lrmd_remote_api_new("node", "192.0.2.1", 3121);
    int rc = connection(local) + resource(local, params) + lists(remote);

#ifndef PCMK_REMOTE_RS
    rc += (int) strlen(words[rc % 22]) + DEFAULT_REMOTE_PORT + (int) PCMK_OCF_OK;
#endif
    on_event(event);
    lrmd_free_event(event);
    lrmd_key_value_freeall(lrmd_key_value_add(NULL, "key", "value"));
    lrmd_api_delete(local);
    lrmd_api_delete(remote);
    return rc + events;
}
