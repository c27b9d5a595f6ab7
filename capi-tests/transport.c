/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The remote transport of libcrmcommon: a server and a client in one process, over loopback, with GnuTLS. Prints the
 * same with libcrmcommon and with our library before it. -DRELEASE=215 has it call as programs of Pacemaker 2.1.5 do; there
 * are 215, 219, 300, 301 and 302.
 *
 * The functions are internal to Pacemaker and in no packaged header: what is declared here is what its programs see.
 * It is long because of these declarations, and because it plays both ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <libxml/tree.h>

#include "clients.h"

typedef struct remote {
    char *buffer;
    size_t buffer_size;
    size_t buffer_offset;
    int auth_timeout;
    int tcp_socket;
    void *source;
#if RELEASE >= 219
    time_t uptime;
    char *start_state;
#endif
    char *token;
#if RELEASE < 300
    gnutls_session_t *tls_session;
#else
    gnutls_session_t tls_session;
#endif
} remote_t;

extern int crm_default_remote_port(void);
extern void pcmk__sockaddr2str(const void *sa, char *s);
extern int pcmk__accept_remote_connection(int ssock, int *csock);
extern client_t *pcmk__new_unauth_client(void *key);
extern client_t *pcmk__find_client(const void *c);
extern client_t *pcmk__find_client_by_id(const char *id);
extern const char *pcmk__client_name(const client_t *c);
extern void pcmk__foreach_ipc_client(GHFunc func, gpointer user_data);
extern int pcmk__read_handshake_data(const client_t *client);
extern int pcmk__remote_send_xml(remote_t *remote, xmlNode *msg);
extern xmlNode *pcmk__remote_message_xml(remote_t *remote);
extern int pcmk__remote_ready(const remote_t *remote, int timeout_ms);
extern int pcmk__read_remote_message(remote_t *remote, int timeout_ms);
#if RELEASE < 300
extern int pcmk__init_tls_dh(gnutls_dh_params_t *dh_params);
extern gnutls_session_t *pcmk__new_tls_session(int csock, unsigned int conn_type, gnutls_credentials_type_t cred_type,
                                               void *credentials);
#define SESSION(remote) (*(remote)->tls_session)
#else
typedef struct {
    bool server;
    gnutls_dh_params_t dh_params;
    gnutls_credentials_type_t cred_type;
    const char *files[4];
    union {
        gnutls_psk_server_credentials_t psk_s;
        gnutls_psk_client_credentials_t psk_c;
    } credentials;
} tls_t;
#if RELEASE < 302
extern int pcmk__init_tls(tls_t **tls, bool server, gnutls_credentials_type_t cred_type);
extern void pcmk__tls_add_psk_callback(tls_t *tls, gnutls_psk_server_credentials_function *cb);
extern void pcmk__tls_add_psk_key(tls_t *tls, gnutls_datum_t *key);
#define SHARED_KEY GNUTLS_CRD_PSK
#define NO_KEY GNUTLS_CRD_ANON
#else
extern int pcmk__init_tls(tls_t **tls, bool server, bool have_psk);
#define SHARED_KEY true
#define NO_KEY false
#endif
extern void pcmk__free_tls(tls_t *tls);
extern gnutls_session_t pcmk__new_tls_session(tls_t *tls, int csock);
extern void pcmk__tls_check_cert_expiration(gnutls_session_t session);
extern int pcmk__read_available_remote_data(remote_t *remote);
extern int pcmk__tls_get_client_sock(const remote_t *remote);
extern const char *pcmk__remote_schema_dir(void);
extern bool pcmk__x509_enabled(void);
#define SESSION(remote) ((remote)->tls_session)
#endif

static unsigned char key[4096];

static int
give_key(gnutls_session_t session, const char *username, gnutls_datum_t *out)
{
    (void) session;
    printf("  the peer is %s\n", username);
    out->data = gnutls_malloc(sizeof(key));
    out->size = sizeof(key);
    memcpy(out->data, key, sizeof(key));
    return 0;
}

static void
addresses(void)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct sockaddr other = { .sa_family = AF_UNIX };
    char text[INET6_ADDRSTRLEN];

    inet_pton(AF_INET, "192.0.2.7", &v4.sin_addr);
    pcmk__sockaddr2str(&v4, text);
    printf("%s\n", text);
    inet_pton(AF_INET6, "2001:db8::ffff:192.0.2.7", &v6.sin6_addr);
    pcmk__sockaddr2str(&v6, text);
    printf("%s\n", text);
    inet_pton(AF_INET6, "::ffff:192.0.2.7", &v6.sin6_addr);
    pcmk__sockaddr2str(&v6, text);
    printf("%s\n", text);
    pcmk__sockaddr2str(&other, text);
    printf("%s\n", text);
    printf("default port %d\n", crm_default_remote_port());
#if RELEASE >= 300
    printf("schemas in %s, certificates: %d\n", pcmk__remote_schema_dir(), pcmk__x509_enabled());
#endif
}

static void
count_client(gpointer k, gpointer value, gpointer user_data)
{
    (void) k;
    if (((client_t *) value)->id != NULL) {
        (*(int *) user_data)++;
    }
}

static void
clients(void)
{
    int anything = 0, count = 0;
    client_t *first = pcmk__new_unauth_client(NULL);
    client_t *second = pcmk__new_unauth_client(&anything);

    printf("%u clients, ids of %zu and %zu\n", pcmk__ipc_client_count(), strlen(first->id), strlen(second->id));
    printf("ids differ: %d\n", strcmp(first->id, second->id) != 0);
    printf("found: %d %d %d %d\n", pcmk__find_client_by_id(first->id) == first, pcmk__find_client(&anything) == second,
           pcmk__find_client_by_id("nobody") == NULL, pcmk__find_client(first) == NULL);
    pcmk__foreach_ipc_client(count_client, &count);
    printf("counted: %d\n", count);
    printf("names: %s, its id: %d, ", pcmk__client_name(NULL), pcmk__client_name(first) == first->id);
    first->name = strdup("crmd");
    printf("%s, ", pcmk__client_name(first));
    printf("flags %#llx, pid %u\n", (unsigned long long) first->flags, first->pid);
    free(second->id);
    second->id = NULL;
    printf("%s\n", pcmk__client_name(second));
    second->id = strdup("another");
#if RELEASE >= 301
    /* Half a message, which is lost. */
    second->buffer = g_byte_array_append(g_byte_array_new(), (const guint8 *) "half", 4);
#endif
    pcmk__free_client(first);
    pcmk__free_client(NULL);
    printf("%u client\n", pcmk__ipc_client_count());
    pcmk__client_cleanup();
    printf("%u clients\n", pcmk__ipc_client_count());
    pcmk__free_client(second);
}

/* A connection over loopback; the server's end is accepted by the function under test. */
static void
join(int *client, int *server)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    unsigned int timeout = 0;
    int rc;

    bind(listener, (struct sockaddr *) &address, sizeof(address));
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *) &address, &length);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    connect(*client, (struct sockaddr *) &address, sizeof(address));
    fcntl(*client, F_SETFL, O_NONBLOCK);
    rc = pcmk__accept_remote_connection(listener, server);
    length = sizeof(timeout);
    getsockopt(*server, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &length);
    printf("accepted: %d, does not block: %d, timeout %u\n", rc, (fcntl(*server, F_GETFL) & O_NONBLOCK) != 0, timeout);
    close(listener);
    rc = pcmk__accept_remote_connection(-1, &listener);
    printf("nothing to accept: %d, %d\n", rc, listener);
}

static void
print_message(remote_t *remote)
{
    xmlNode *message = pcmk__remote_message_xml(remote);
    xmlBuffer *text = xmlBufferCreate();

    if (message == NULL) {
        printf("  no message\n");
    } else {
        xmlNodeDump(text, message->doc, message, 0, 0);
        printf("  %zu bytes: %.200s\n", strlen((const char *) xmlBufferContent(text)),
               (const char *) xmlBufferContent(text));
        xmlFreeDoc(message->doc);
    }
    xmlBufferFree(text);
}

static int
receive(remote_t *remote)
{
#if RELEASE < 300
    return pcmk__read_remote_message(remote, 5000);
#else
    int rc;

    do {
        rc = pcmk__remote_ready(remote, 5000);
        if (rc == 0) {
            rc = pcmk__read_available_remote_data(remote);
        }
    } while (rc == EAGAIN);
    return rc;
#endif
}

static xmlNode *
new_message(int number, size_t length)
{
    xmlDoc *document = xmlNewDoc((const xmlChar *) "1.0");
    xmlNode *message = xmlNewDocNode(document, NULL, (const xmlChar *) "lrmd_command", NULL);
    char *filler = malloc(length + 1), text[20];

    memset(filler, 'x', length);
    filler[length] = 0;
    snprintf(text, sizeof(text), "%d", number);
    xmlDocSetRootElement(document, message);
    xmlSetProp(message, (const xmlChar *) "number", (const xmlChar *) text);
    xmlSetProp(message, (const xmlChar *) "special", (const xmlChar *) "<&\">");
    xmlSetProp(message, (const xmlChar *) "filler", (const xmlChar *) filler);
    xmlNewChild(message, NULL, (const xmlChar *) "child", NULL);
    free(filler);
    return message;
}

static void
send_message(remote_t *remote, int number, size_t length)
{
    xmlNode *message = new_message(number, length);
    int rc = pcmk__remote_send_xml(remote, message);

    if (rc != 0) {
        printf("  sending %d: %d\n", number, rc);
    }
    xmlFreeDoc(message->doc);
}

/* From a host of the other byte order. */
static void
send_swapped(remote_t *remote)
{
    static const char text[] = "<swapped/>";
    uint32_t header[10] = { 0xBADADBBD, 1, 0, 7, 0, 0, 40 + sizeof(text), 40, 0, sizeof(text) };

    for (int i = 0; i < 10; i++) {
        header[i] = __builtin_bswap32(header[i]);
    }
    gnutls_record_send(SESSION(remote), header, sizeof(header));
    gnutls_record_send(SESSION(remote), text, sizeof(text));
}

/* libcrmcommon loses messages that a plain socket holds together. */
static void
exchange(remote_t *client, remote_t *server, bool together)
{
    static const size_t lengths[] = { 100, 20000, 1 };

    send_message(client, 1, 0);
    printf("ready: %d\n", pcmk__remote_ready(server, 5000));
    printf("received: %d\n", receive(server));
    print_message(server);
    print_message(server);

    for (int i = 0; together && i < 3; i++) {
        send_message(client, i + 2, lengths[i]);
    }
    for (int i = 0; i < 3; i++) {
        if (!together) {
            send_message(client, i + 2, lengths[i]);
        }
        printf("received: %d\n", receive(server));
        print_message(server);
    }
    send_message(server, 5, 10);
    printf("answered: %d\n", receive(client));
    print_message(client);
    printf("sending nothing: %d\n", pcmk__remote_send_xml(client, NULL));
}

static void
handshake(remote_t *client, client_t *server)
{
    int ours, theirs = EAGAIN, rounds = 0;

    do {
        ours = gnutls_handshake(SESSION(client));
        if (theirs == EAGAIN) {
            pcmk__remote_ready(server->remote, 20);
            theirs = pcmk__read_handshake_data(server);
        }
        rounds++;
    } while ((ours == GNUTLS_E_AGAIN || theirs == EAGAIN) && !gnutls_error_is_fatal(ours) && theirs != EPROTO
             && rounds < 1000);
    printf("handshake: %s, %d\n", ours < 0 ? "failed" : "done", theirs);
}

#if RELEASE < 300
static gnutls_psk_server_credentials_t server_credentials;
static gnutls_psk_client_credentials_t client_credentials;
static gnutls_dh_params_t dh;

static void
make_credentials(gnutls_datum_t *shared)
{
    printf("parameters: %d\n", pcmk__init_tls_dh(&dh));
    gnutls_psk_allocate_server_credentials(&server_credentials);
    gnutls_psk_set_server_credentials_function(server_credentials, give_key);
    gnutls_psk_set_server_dh_params(server_credentials, dh);
    gnutls_psk_allocate_client_credentials(&client_credentials);
    gnutls_psk_set_client_credentials(client_credentials, "lrmd", shared, GNUTLS_PSK_KEY_RAW);
}

static void
make_sessions(remote_t *client, int client_socket, remote_t *server, int server_socket)
{
    client->tls_session = pcmk__new_tls_session(client_socket, GNUTLS_CLIENT, GNUTLS_CRD_PSK, client_credentials);
    server->tls_session = pcmk__new_tls_session(server_socket, GNUTLS_SERVER, GNUTLS_CRD_PSK, server_credentials);
}

static int
socket_of(remote_t *remote)
{
    return gnutls_transport_get_int(*remote->tls_session);
}

static void
end_session(remote_t *remote)
{
    gnutls_deinit(*remote->tls_session);
    gnutls_free(remote->tls_session);
    remote->tls_session = NULL;
}

static void
free_credentials(void)
{
    gnutls_psk_free_server_credentials(server_credentials);
    gnutls_psk_free_client_credentials(client_credentials);
    gnutls_dh_params_deinit(dh);
}
#else
static tls_t *server_tls, *client_tls;

static void
make_credentials(gnutls_datum_t *shared)
{
    tls_t *before;
    tls_t *none = NULL;

    printf("made: %d\n", pcmk__init_tls(&server_tls, true, SHARED_KEY));
    before = server_tls;
    printf("again: %d, %d\n", pcmk__init_tls(&server_tls, true, SHARED_KEY), before == server_tls);
    printf("client: %d\n", pcmk__init_tls(&client_tls, false, SHARED_KEY));
    printf("anonymous: %d\n", pcmk__init_tls(&none, false, NO_KEY));
    printf("kinds: %d %d %d\n", server_tls->cred_type, client_tls->cred_type, none->cred_type);
    pcmk__free_tls(none);
    pcmk__free_tls(NULL);
#if RELEASE < 302
    pcmk__tls_add_psk_callback(server_tls, give_key);
    pcmk__tls_add_psk_key(client_tls, shared);
#else
    gnutls_psk_set_server_credentials_function(server_tls->credentials.psk_s, give_key);
    gnutls_psk_set_client_credentials(client_tls->credentials.psk_c, "lrmd", shared, GNUTLS_PSK_KEY_RAW);
#endif
}

static void
make_sessions(remote_t *client, int client_socket, remote_t *server, int server_socket)
{
    client->tls_session = pcmk__new_tls_session(client_tls, client_socket);
    server->tls_session = pcmk__new_tls_session(server_tls, server_socket);
    pcmk__tls_check_cert_expiration(client->tls_session);
}

static int
socket_of(remote_t *remote)
{
#if RELEASE < 301
    return gnutls_transport_get_int(remote->tls_session);
#else
    return pcmk__tls_get_client_sock(remote);
#endif
}

static void
end_session(remote_t *remote)
{
    gnutls_deinit(remote->tls_session);
    remote->tls_session = NULL;
}

static void
free_credentials(void)
{
    pcmk__free_tls(server_tls);
    pcmk__free_tls(client_tls);
    server_tls = client_tls = NULL;
}
#endif

static void
over_tls(bool right)
{
    unsigned char wrong[sizeof(key)] = { 1 };
    gnutls_datum_t shared = { right ? key : wrong, sizeof(key) };
    int client_socket, server_socket;
    remote_t *client = calloc(1, sizeof(remote_t));
    client_t *server = pcmk__new_unauth_client(NULL);

    printf("%s key\n", right ? "the right" : "a wrong");
    server->remote = calloc(1, sizeof(remote_t));
    join(&client_socket, &server_socket);
    make_credentials(&shared);
    make_sessions(client, client_socket, server->remote, server_socket);
    printf("its socket: %d\n", socket_of(server->remote) == server_socket);
    handshake(client, server);
    if (right) {
        exchange(client, server->remote, true);
        send_swapped(client);
        printf("received: %d\n", receive(server->remote));
        print_message(server->remote);
        gnutls_bye(SESSION(client), GNUTLS_SHUT_WR);
    }
    close(client_socket);
    if (right) {
        printf("after the end: %d\n", receive(server->remote) == ENOTCONN);
    }
    end_session(client);
#if RELEASE < 300
    end_session(server->remote);
#endif
    pcmk__free_client(server);
    close(server_socket);
    free(client->buffer);
    free(client);
    free_credentials();
}

static void
over_plain_sockets(void)
{
    int sockets[2];
    remote_t client = { 0, }, server = { 0, };

#if RELEASE >= 301
    /* Before, 0 was none. */
    client.tcp_socket = server.tcp_socket = -1;
#endif
    printf("plain\n");
    printf("no socket: %d, %d\n", pcmk__remote_ready(&server, 10) == ENOTCONN,
           pcmk__remote_send_xml(&client, NULL));
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets);
    client.tcp_socket = sockets[0];
    server.tcp_socket = sockets[1];
    printf("nothing yet: %d\n", pcmk__remote_ready(&server, 20) == ETIME);
    exchange(&client, &server, false);
    close(sockets[0]);
    printf("after the end: %d\n", receive(&server) == ENOTCONN);
    close(sockets[1]);
    free(client.buffer);
    free(server.buffer);
}

int
main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (unsigned char) (i * 7);
    }
    addresses();
    clients();
    over_tls(true);
    over_tls(false);
    over_plain_sockets();
    return 0;
}
