/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * NULL for a connection or an argument where upstream's library crashes: ours answers with an error. Runs on ours only;
 * the lines here are the list.
 */
#include <stdint.h>

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

/* From crm/lrmd_internal.h, which is not packaged. */
int lrmd__init_remote_key(void *key);
int lrmd__remote_send_xml(void *session, void *msg, uint32_t id, const char *msg_type);
int lrmd__validate_remote_settings(lrmd_t *lrmd, GHashTable *options);
void lrmd__register_messages(void *out);
void lrmd_internal_set_proxy_callback(lrmd_t *lrmd, void *userdata, void *callback);
int lrmd_internal_proxy_send(lrmd_t *lrmd, void *msg);
int lrmd_send_attribute_alert(lrmd_t *lrmd, GList *list, const char *node, uint32_t id, const char *name,
                              const char *value);
int lrmd_send_resource_alert(lrmd_t *lrmd, GList *list, const char *node, lrmd_event_data_t *op);
int remote_proxy_dispatch(const char *buffer, ssize_t length, void *userdata);
void remote_proxy_ack_shutdown(lrmd_t *lrmd);
void remote_proxy_cb(lrmd_t *lrmd, const char *node_name, void *msg);
void remote_proxy_disconnected(void *data);
void remote_proxy_free(void *data);
void *remote_proxy_new(lrmd_t *lrmd, void *callbacks, const char *node, const char *session, const char *channel);
void remote_proxy_relay_event(void *proxy, void *msg);
void remote_proxy_relay_response(void *proxy, void *msg, int msg_id);

static void
no_sessions(lrmd_t *lrmd)
{
    printf("no proxied session\n");
    lrmd_internal_set_proxy_callback(NULL, NULL, NULL);
    REFUSED(lrmd_internal_proxy_send(lrmd, NULL));
    remote_proxy_ack_shutdown(NULL);
    remote_proxy_cb(lrmd, NODE, NULL);
    remote_proxy_cb(NULL, NULL, NULL);
    remote_proxy_disconnected(NULL);
    remote_proxy_free(NULL);
    remote_proxy_relay_event(NULL, NULL);
    remote_proxy_relay_response(NULL, NULL, 1);
    printf("  remote_proxy_dispatch: %d\n", remote_proxy_dispatch(NULL, 0, NULL));
    /* There is no table of sessions. */
    printf("  remote_proxy_new: %s\n",
           remote_proxy_new(lrmd, NULL, NODE, "id", "cib_ro") == NULL ? "NULL" : "something");
    printf("  the same without names: %s\n",
           remote_proxy_new(lrmd, NULL, NULL, NULL, NULL) == NULL ? "NULL" : "something");
}

static void
no_objects(lrmd_t *lrmd)
{
    printf("no object\n");
    lrmd__register_messages(NULL);
    printf("  a key: %d\n", lrmd__init_remote_key(NULL) > 0);
    printf("  a message: %d\n", lrmd__remote_send_xml(NULL, NULL, 1, "notify") > 0);
    printf("  a check: %d\n", lrmd__validate_remote_settings(NULL, NULL) > 0);
    printf("  an alert's attribute: %d\n", lrmd_send_attribute_alert(lrmd, NULL, NULL, 0, NULL, NULL));
    printf("  an alert's operation: %d\n", lrmd_send_resource_alert(lrmd, NULL, NULL, NULL));
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
    no_sessions(lrmd);
    no_objects(lrmd);
    lrmd_api_delete(lrmd);
    return 0;
}
