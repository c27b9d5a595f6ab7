/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An executor of a cluster node, up to 3.0.1: a main that makes the local server and takes in its messages, all else
 * being this library's and the distribution's libcrmcommon's. RELEASE says which release that is of.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#include <glib.h>
#include <libxml/tree.h>
#include <qb/qbipcs.h>

#include "../clients.h"

/* pcmk-remote-rs */
extern GHashTable *rsc_list;
extern int lrmd_call_id;
extern time_t start_time;
extern void free_rsc(gpointer data);
extern void notify_of_new_client(client_t *client);
extern void client_disconnect_cleanup(const char *client_id);
extern void process_lrmd_message(client_t *client, uint32_t id, xmlNode *request);
extern void lrmd_client_destroy(client_t *client);
extern void lrmd_drain_alerts(GMainLoop *loop);
extern void pcmk_remote_rs_server_shutdown(void (*finish)(void));

/* libcrmcommon */
extern gboolean crm_log_init(const char *entity, uint8_t level, gboolean daemon, gboolean to_stderr, int argc,
                             char **argv, gboolean quiet);
extern _Noreturn int crm_exit(int code);
extern GHashTable *pcmk__strkey_table(GDestroyNotify key, GDestroyNotify value);
extern qb_ipcs_service_t *mainloop_add_ipc_server(const char *name, enum qb_ipc_type type,
                                                  struct qb_ipcs_service_handlers *callbacks);
extern void mainloop_del_ipc_server(qb_ipcs_service_t *server);
extern gboolean mainloop_add_signal(int signal, void (*dispatch)(int signal));
extern client_t *pcmk__new_client(qb_ipcs_connection_t *connection, uid_t uid, gid_t gid);
extern client_t *pcmk__find_client(qb_ipcs_connection_t *connection);
extern int pcmk__client_pid(qb_ipcs_connection_t *connection);
#if RELEASE >= 301
extern int pcmk__ipc_msg_append(GByteArray **buffer, guint8 *data);
extern xmlNode *pcmk__client_data2xml(client_t *client, uint32_t *id, uint32_t *flags);
#else
extern xmlNode *pcmk__client_data2xml(client_t *client, void *data, uint32_t *id, uint32_t *flags);
#endif

static GMainLoop *loop;
static qb_ipcs_service_t *server;

static void
set(xmlNode *element, const char *name, const char *value)
{
    xmlSetProp(element, (const xmlChar *) name, (const xmlChar *) value);
}

static int32_t
accept_client(qb_ipcs_connection_t *connection, uid_t uid, gid_t gid)
{
    return pcmk__new_client(connection, uid, gid) == NULL ? -ENOMEM : 0;
}

static void
client_created(qb_ipcs_connection_t *connection)
{
    notify_of_new_client(pcmk__find_client(connection));
}

/* The client names itself in its first request; one that does not is called by its process. */
static void
name_client(client_t *client, qb_ipcs_connection_t *connection, xmlNode *request)
{
    xmlChar *name = xmlGetProp(request, (const xmlChar *) "lrmd_clientname");

    if (client->name == NULL && name != NULL) {
        client->name = strdup((char *) name);
    } else if (client->name == NULL) {
        char text[16];

        snprintf(text, sizeof(text), "%d", pcmk__client_pid(connection));
        client->name = strdup(text);
    }
    xmlFree(name);
}

static int32_t
take_message(qb_ipcs_connection_t *connection, void *data, size_t size)
{
    client_t *client = pcmk__find_client(connection);
    uint32_t id = 0, flags = 0;
    char number[16];
    xmlNode *request;

    (void) size;
    if (client == NULL) {
        return 0;
    }
#if RELEASE >= 301
    if (pcmk__ipc_msg_append(&client->buffer, data) != 0) {
        return 0;
    }
    request = pcmk__client_data2xml(client, &id, &flags);
    g_byte_array_free(client->buffer, TRUE);
    client->buffer = NULL;
#else
    request = pcmk__client_data2xml(client, data, &id, &flags);
#endif
    if (request == NULL) {
        return 0;
    }
    name_client(client, connection, request);
    lrmd_call_id = lrmd_call_id < 1 || lrmd_call_id == INT32_MAX ? 1 : lrmd_call_id + 1;
    snprintf(number, sizeof(number), "%d", lrmd_call_id);
    set(request, "lrmd_clientid", client->id);
    set(request, "lrmd_clientname", client->name);
    set(request, "lrmd_callid", number);
    process_lrmd_message(client, id, request);
    xmlFreeDoc(request->doc);
    return 0;
}

static int32_t
client_closed(qb_ipcs_connection_t *connection)
{
    client_t *client = pcmk__find_client(connection);

    if (client != NULL) {
        client_disconnect_cleanup(client->id);
        lrmd_client_destroy(client);
    }
    return 0;
}

static void
client_destroyed(qb_ipcs_connection_t *connection)
{
    client_closed(connection);
}

/* In the order of 3.0.0. */
static void
finish(void)
{
    mainloop_del_ipc_server(server);
    pcmk__client_cleanup();
    lrmd_drain_alerts(loop);
    g_hash_table_destroy(rsc_list);
    crm_exit(0);
}

static void
terminate(int signal)
{
    (void) signal;
    pcmk_remote_rs_server_shutdown(finish);
}

int
main(int argc, char **argv)
{
    static struct qb_ipcs_service_handlers handlers = {
        .connection_accept = accept_client,
        .connection_created = client_created,
        .msg_process = take_message,
        .connection_closed = client_closed,
        .connection_destroyed = client_destroyed,
    };

    crm_log_init("pacemaker-execd", LOG_INFO, TRUE, FALSE, argc, argv, FALSE);
    /* Agents' shell functions look at it. */
    setenv("HA_LOGD", "no", 1);
    setenv("PCMK_service", "pacemaker-execd", 1);
    start_time = time(NULL);
    mkdir("/run/resource-agents", 0755);
    rsc_list = pcmk__strkey_table(NULL, free_rsc);
    server = mainloop_add_ipc_server("lrmd", QB_IPC_SHM, &handlers);
    if (server == NULL) {
        fprintf(stderr, "the local server lrmd cannot be made\n");
        return 100;
    }
    mainloop_add_signal(SIGTERM, terminate);
    loop = g_main_loop_new(NULL, FALSE);
    g_main_loop_run(loop);
    return 0;
}
