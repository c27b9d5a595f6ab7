/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Proxied sessions: this program is the provider; a cluster daemon that the sessions lead to, and the client on the
 * remote node, are children of it. It is long because it plays all parts of a session.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/wait.h>

#include <glib-unix.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <qb/qbipcs.h>

#include <crm/common/ipc.h>
#include <crm/common/mainloop.h>

#include "harness.h"

/* From crm/lrmd_internal.h and crm/common/ipc_internal.h, which are not packaged. */
typedef struct {
    char *node_name;
    char *session_id;
    gboolean is_local;
    crm_ipc_t *ipc;
    mainloop_io_t *source;
    uint32_t last_request_id;
    lrmd_t *lrm;
} proxy_t;

extern GHashTable *proxy_table;
extern char *crm_system_name;

int lrmd_internal_proxy_send(lrmd_t *lrmd, xmlNode *msg);
void lrmd_internal_set_proxy_callback(lrmd_t *lrmd, void *userdata,
                                      void (*callback)(lrmd_t *lrmd, void *userdata, xmlNode *msg));
proxy_t *remote_proxy_new(lrmd_t *lrmd, struct ipc_client_callbacks *callbacks, const char *node_name,
                          const char *session_id, const char *channel);
int remote_proxy_dispatch(const char *buffer, ssize_t length, void *userdata);
void remote_proxy_ack_shutdown(lrmd_t *lrmd);
void remote_proxy_nack_shutdown(lrmd_t *lrmd);
void remote_proxy_cb(lrmd_t *lrmd, const char *node_name, xmlNode *msg);
void remote_proxy_disconnected(void *data);
void remote_proxy_free(void *data);
void remote_proxy_relay_event(proxy_t *proxy, xmlNode *msg);
void remote_proxy_relay_response(proxy_t *proxy, xmlNode *msg, int msg_id);

/* 3.0 declares it for old programs only. */
bool crm_ipc_connect(crm_ipc_t *client);

typedef struct pcmk__client_s client_t;

client_t *pcmk__new_client(qb_ipcs_connection_t *c, uid_t uid, gid_t gid);
client_t *pcmk__find_client(const qb_ipcs_connection_t *c);
void pcmk__free_client(client_t *c);
xmlNode *pcmk__client_data2xml(client_t *c, void *data, uint32_t *id, uint32_t *flags);
int pcmk__ipc_send_xml(client_t *c, uint32_t request, xmlNode *message, uint32_t flags);
void qb_ipcs_disconnect(qb_ipcs_connection_t *c);

#define SERVER "proxies-test"

static struct ipc_client_callbacks callbacks = {
    .dispatch = remote_proxy_dispatch,
    .destroy = remote_proxy_disconnected,
};

/* How many calls there were is a matter of the daemon's own session, too. */
static void
event(lrmd_event_data_t *event)
{
    seen[event->type]++;
    if (event->type != lrmd_event_poke) {
        show(event);
    }
}

/* Elements as one line, attributes in order: not every library writes them alike. */
static int
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((const char *) (*(xmlAttr *const *) a)->name, (const char *) (*(xmlAttr *const *) b)->name);
}

static void
describe(xmlNode *node, GString *text)
{
    GPtrArray *attributes = g_ptr_array_new();

    g_string_append_printf(text, "<%s", (const char *) node->name);
    for (xmlAttr *each = node->properties; each != NULL; each = each->next) {
        g_ptr_array_add(attributes, each);
    }
    g_ptr_array_sort(attributes, by_name);
    for (guint i = 0; i < attributes->len; i++) {
        xmlAttr *each = g_ptr_array_index(attributes, i);
        xmlChar *value = xmlNodeListGetString(node->doc, each->children, 1);

        char *shown_value = g_strescape(value != NULL ? (const char *) value : "", NULL);

        g_string_append_printf(text, " %s=[%s]", (const char *) each->name, shown_value);
        g_free(shown_value);
        xmlFree(value);
    }
    g_ptr_array_free(attributes, TRUE);
    g_string_append(text, ">");
    for (xmlNode *child = xmlFirstElementChild(node); child != NULL; child = xmlNextElementSibling(child)) {
        describe(child, text);
    }
    g_string_append(text, "</>");
}

static void
print_element(const char *what, xmlNode *node)
{
    GString *text = g_string_new(NULL);

    describe(node, text);
    printf("  %s %s\n", what, text->str);
    g_string_free(text, TRUE);
}

static xmlNode *
parsed(const char *text)
{
    return xmlDocGetRootElement(xmlReadMemory(text, strlen(text), NULL, NULL, 0));
}

static const char *
attribute(xmlNode *node, const char *name)
{
    static char copy[8][256];
    static int next;
    xmlChar *value = xmlGetProp(node, (const xmlChar *) name);

    if (value == NULL) {
        return NULL;
    }
    next = (next + 1) % 8;
    snprintf(copy[next], sizeof(copy[next]), "%s", (const char *) value);
    xmlFree(value);
    return copy[next];
}

/* The cluster daemon, which writes what it sees to its standard output. */

static int32_t
server_accept(qb_ipcs_connection_t *c, uid_t uid, gid_t gid)
{
    printf("  server: a client comes\n");
    return pcmk__new_client(c, uid, gid) == NULL ? -EIO : 0;
}

static void
answer(client_t *client, uint32_t id, uint32_t flags, const char *text)
{
    xmlNode *message = parsed(text);

    pcmk__ipc_send_xml(client, id, message, flags);
    xmlFreeDoc(message->doc);
}

static int32_t
server_message(qb_ipcs_connection_t *c, void *data, size_t size)
{
    client_t *client = pcmk__find_client(c);
    uint32_t id = 0, flags = 0;
    xmlNode *request = pcmk__client_data2xml(client, data, &id, &flags);
    const char *wish;

    (void) size;
    if (request == NULL) {
        printf("  server: a message that is none\n");
        return 0;
    }
    printf("  server: flags %#x", flags);
    print_element("", request);
    wish = attribute(request, "wish");
    if (wish == NULL) {
        answer(client, id, 0, "<answer text='1 &lt; 2'><inner a='x&#10;y'/></answer>");
    } else if (strcmp(wish, "event") == 0) {
        answer(client, id, 0, "<answer/>");
        answer(client, 0, crm_ipc_server_event, "<news number='1'/>");
    } else if (strcmp(wish, "leave") == 0) {
        qb_ipcs_disconnect(c);
    }
    xmlFreeDoc(request->doc);
    return 0;
}

static int32_t
server_closed(qb_ipcs_connection_t *c)
{
    client_t *client = pcmk__find_client(c);

    if (client != NULL) {
        printf("  server: a client goes\n");
        pcmk__free_client(client);
    }
    return 0;
}

static void
server_destroyed(qb_ipcs_connection_t *c)
{
    server_closed(c);
}

static struct qb_ipcs_service_handlers handlers = {
    .connection_accept = server_accept,
    .msg_process = server_message,
    .connection_closed = server_closed,
    .connection_destroyed = server_destroyed,
};

/* Starts it; the answer is where to read what it sees. */
static FILE *
start_server(pid_t *child)
{
    int ends[2];
    FILE *seen_by_server;
    char line[16];

    if (pipe(ends) < 0) {
        exit(1);
    }
    *child = fork();
    if (*child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        if (mainloop_add_ipc_server(SERVER, QB_IPC_NATIVE, &handlers) == NULL) {
            _exit(1);
        }
        printf("ready\n");
        while (true) {
            g_main_context_iteration(NULL, TRUE);
        }
    }
    close(ends[1]);
    seen_by_server = fdopen(ends[0], "r");
    if (fgets(line, sizeof(line), seen_by_server) == NULL) {
        printf("no server\n");
        exit(1);
    }
    return seen_by_server;
}

/* The provider. */

static FILE *seen_by_server;
static lrmd_t *provider;

/* The sessions of our clients. 3.0's daemon has one of its own, to the server that none of ours goes to. */
static GHashTable *ours;

/* How many sessions the node has ended. */
static int ends_seen;

/* Where new sessions lead to. */
static const char *channel = SERVER;

/* What the controller does with requests to itself. */
static void
serve_locally(proxy_t *proxy, xmlNode *message)
{
    xmlNode *reply = parsed("<local_answer/>"), *event = parsed("<local_event/>");

    remote_proxy_relay_response(proxy, reply, atoi(attribute(message, "lrmd_ipc_msg_id")));
    remote_proxy_relay_event(proxy, event);
    print_element("the reply is unchanged", reply);
    xmlFreeDoc(reply->doc);
    xmlFreeDoc(event->doc);
}

static void
from_node(lrmd_t *lrmd, void *user_data, xmlNode *message)
{
    const char *op = attribute(message, "lrmd_ipc_op");
    const char *session = attribute(message, "lrmd_ipc_session");
    const char *server = attribute(message, "lrmd_ipc_server");
    proxy_t *proxy = g_hash_table_lookup(proxy_table, session);

    if (server != NULL && strcmp(server, "cib_ro") == 0) {
        remote_proxy_new(lrmd, &callbacks, NODE, session, NULL);
        return;
    }
    if (strcmp(op, "new") == 0) {
        g_hash_table_add(ours, strdup(session));
    }
    if (!g_hash_table_contains(ours, session)) {
        return;
    }
    printf("  provider (%s): %s for %s, session %s\n", (const char *) user_data, op,
           shown(server), proxy != NULL ? "known" : "unknown");
    if (strcmp(op, "new") == 0) {
        proxy = remote_proxy_new(lrmd, &callbacks, NODE, session, channel);
        if (proxy == NULL) {
            printf("  no session\n");
            return;
        }
        printf("  a session for %s%s%s, last request %u, %s table\n", proxy->node_name,
               proxy->is_local ? ", local" : "", proxy->source != NULL ? ", connected" : "",
               proxy->last_request_id,
               g_hash_table_lookup(proxy_table, session) == proxy ? "in the" : "not in the");
    } else if (proxy != NULL && proxy->is_local && strcmp(op, "request") == 0) {
        serve_locally(proxy, message);
    } else {
        ends_seen += strcmp(op, "destroy") == 0;
        remote_proxy_cb(lrmd, NODE, message);
    }
}

/* The client, which writes what it finds to `fd`. */

static void
ask(crm_ipc_t *ipc, int fd, const char *text)
{
    xmlNode *request = parsed(text), *reply = NULL;
    int rc = crm_ipc_send(ipc, request, crm_ipc_client_response, 10000, &reply);
    GString *found = g_string_new(NULL);

    if (reply != NULL) {
        describe(reply, found);
    }
    dprintf(fd, "  client: %s, %s\n", rc > 0 ? "sent" : rc == 0 ? "nothing" : "failed",
            reply != NULL ? found->str : "no reply");
    g_string_free(found, TRUE);
    xmlFreeDoc(request->doc);
}

/* Waits for an event, or the end. */
static void
hear(crm_ipc_t *ipc, int fd)
{
    struct pollfd poll_fd = { .fd = crm_ipc_get_fd(ipc), .events = POLLIN };
    GString *found = g_string_new(NULL);

    poll(&poll_fd, 1, 20000);
    if (crm_ipc_connected(ipc) && crm_ipc_read(ipc) > 0) {
        xmlNode *event = parsed(crm_ipc_buffer(ipc));

        describe(event, found);
        xmlFreeDoc(event->doc);
    }
    dprintf(fd, "  client: hears %s\n", found->len > 0 ? found->str : "the end");
    g_string_free(found, TRUE);
}

static void
client_asks(crm_ipc_t *ipc, int fd)
{
    ask(ipc, fd, "<cib_command t='cib' cib_op='query' text='a &amp; b'><inside/></cib_command>");
    ask(ipc, fd, "<x acl_target='root' lrmd_ipc_user='root' acl_role='mine'/>");
}

static void
client_updates(crm_ipc_t *ipc, int fd)
{
    ask(ipc, fd, "<a t='attrd' task='update' attr_name='x'/>");
    ask(ipc, fd, "<a t='attrd' task='update-both' attr_name='x'/>");
    ask(ipc, fd, "<a t='attrd' task='update-delay' attr_name='x' attr_host='other'/>");
    ask(ipc, fd, "<a t='attrd' task='refresh'/>");
}

static void
client_hears(crm_ipc_t *ipc, int fd)
{
    ask(ipc, fd, "<x wish='event'/>");
    hear(ipc, fd);
}

static void
client_is_left(crm_ipc_t *ipc, int fd)
{
    ask(ipc, fd, "<x wish='leave'/>");
}

static void
client_is_refused(crm_ipc_t *ipc, int fd)
{
    hear(ipc, fd);
}

static void
client_of_us(crm_ipc_t *ipc, int fd)
{
    ask(ipc, fd, "<x/>");
    hear(ipc, fd);
}

static gboolean
from_client(gint fd, GIOCondition condition, gpointer data)
{
    char buffer[4096];
    ssize_t got = read(fd, buffer, sizeof(buffer));

    (void) condition;
    if (got <= 0) {
        return G_SOURCE_REMOVE;
    }
    g_string_append_len(data, buffer, got);
    return G_SOURCE_CONTINUE;
}

/* Runs a client of the server `name` in a child; shows what all sides see. `served`: it gets as far as our server. */
static void
client(const char *title, const char *name, gboolean served, void (*run)(crm_ipc_t *, int))
{
    GString *text = g_string_new(NULL);
    int ends_before = ends_seen, ends[2];
    GSource *source;
    pid_t child;
    guint id;

    printf(" %s\n", title);
    fflush(stdout);
    if (pipe(ends) < 0) {
        exit(1);
    }
    child = fork();
    if (child == 0) {
        crm_ipc_t *ipc = crm_ipc_new(name, 0);

        close(ends[0]);
        if (crm_ipc_connect(ipc)) {
            run(ipc, ends[1]);
        } else {
            /* A session that cannot begin may end before the client knows that it is connected. */
            dprintf(ends[1], "  client: hears the end\n");
        }
        crm_ipc_close(ipc);
        crm_ipc_destroy(ipc);
        _exit(0);
    }
    close(ends[1]);
    id = g_unix_fd_add(ends[0], G_IO_IN | G_IO_HUP, from_client, text);
    source = g_main_context_find_source_by_id(NULL, id);
    g_source_ref(source);
    while (!g_source_is_destroyed(source) || ends_seen == ends_before) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_unref(source);
    waitpid(child, NULL, 0);
    close(ends[0]);
    /* What the node says to the end of the session. */
    barrier(provider);
    printf("%s", text->str);
    g_string_free(text, TRUE);
    while (served) {
        char line[4096];

        if (fgets(line, sizeof(line), seen_by_server) == NULL) {
            exit(1);
        }
        printf("%s", line);
        served = strstr(line, "a client goes") == NULL;
    }
}

/* Messages that no node sends. */
static void
oddities(lrmd_t *lrmd)
{
    static const char *const messages[] = {
        "<lrmd_ipc_proxy lrmd_ipc_session='none'/>",
        "<lrmd_ipc_proxy lrmd_ipc_op='request' lrmd_ipc_session='none'/>",
        "<lrmd_ipc_proxy lrmd_ipc_op='request' lrmd_ipc_session='none'><lrmd_ipc_msg><x/></lrmd_ipc_msg></lrmd_ipc_proxy>",
        "<lrmd_ipc_proxy lrmd_ipc_op='destroy' lrmd_ipc_session='none'/>",
        "<lrmd_ipc_proxy lrmd_ipc_op='unknown' lrmd_ipc_session='none'/>",
    };
    xmlNode *message = parsed("<lrmd_ipc_proxy lrmd_ipc_op='event' lrmd_ipc_session='none'/>");

    printf(" oddities\n");
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        xmlNode *odd = parsed(messages[i]);

        remote_proxy_cb(lrmd, NODE, odd);
        print_element("unchanged", odd);
        xmlFreeDoc(odd->doc);
    }
    printf("  sent to nobody: %d\n", lrmd_internal_proxy_send(NULL, message));
    print_element("unchanged", message);
    printf("  sent: %d\n", lrmd_internal_proxy_send(lrmd, message));
    printf("  forwarded as %s\n", shown(attribute(message, "lrmd_op")));
    xmlFreeDoc(message->doc);
    printf("  no server: %s\n", remote_proxy_new(lrmd, &callbacks, NODE, "id", NULL) == NULL ? "NULL" : "?");
    remote_proxy_ack_shutdown(lrmd);
    remote_proxy_nack_shutdown(lrmd);
    barrier(lrmd);
    printf("  still connected: %d\n", lrmd->cmds->is_connected(lrmd));
}

int
main(void)
{
    pid_t server;

    begin();
    seen_by_server = start_server(&server);
    ours = g_hash_table_new_full(g_str_hash, g_str_equal, free, NULL);
    g_hash_table_add(ours, strdup("none"));
    g_hash_table_add(ours, strdup("id"));
    proxy_table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, remote_proxy_free);
    provider = connection("tls");
    provider->cmds->set_callback(provider, event);
    lrmd_internal_set_proxy_callback(provider, "user data", from_node);
    printf("connect: %d\n", provider->cmds->connect(provider, "provider", NULL));

    client("a client asks", "cib_rw", TRUE, client_asks);
    client("a client updates attributes", "attrd", TRUE, client_updates);
    client("a client hears an event", "cib_rw", TRUE, client_hears);
    client("a client's server leaves", "cib_rw", TRUE, client_is_left);
    channel = "proxies-nowhere";
    client("a client's server is not there", "cib_rw", FALSE, client_is_refused);
    /* The controller does not connect to itself. */
    crm_system_name = strdup("pacemaker-controld");
    channel = "crmd";
    client("a client of the provider itself", "crmd", FALSE, client_of_us);
    printf("  sessions left: %u\n", g_hash_table_size(proxy_table));
    g_hash_table_remove_all(proxy_table);
    channel = NULL;
    client("no server is named", "cib_rw", FALSE, client_is_refused);
    oddities(provider);

    printf(" a disconnected provider\n");
    printf("  disconnect: %d\n", provider->cmds->disconnect(provider));
    lrmd_api_delete(provider);
    kill(server, SIGKILL);
    g_hash_table_destroy(proxy_table);
    proxy_table = NULL;
    g_hash_table_destroy(ours);
    return 0;
}
