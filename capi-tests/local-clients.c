/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The clients of a local server: a server that libcrmcommon runs in its main loop, and a child that talks to it by
 * libcrmcommon's own client. Prints the same with libcrmcommon's client table and with ours. Needs root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <glib.h>
#include <libxml/tree.h>
#include <qb/qbipcs.h>

#include "clients.h"

extern client_t *pcmk__new_client(qb_ipcs_connection_t *c, uid_t uid_client, gid_t gid_client);
extern client_t *pcmk__find_client(const qb_ipcs_connection_t *c);
extern int pcmk__client_pid(qb_ipcs_connection_t *c);
#if RELEASE < 301
extern xmlNode *pcmk__client_data2xml(client_t *c, void *data, uint32_t *id, uint32_t *flags);
#else
extern int pcmk__ipc_msg_append(GByteArray **buffer, guint8 *data);
extern xmlNode *pcmk__client_data2xml(client_t *c, uint32_t *id, uint32_t *flags);
#endif
extern client_t *pcmk__find_client_by_id(const char *id);
extern void pcmk__drop_all_clients(qb_ipcs_service_t *service);

extern qb_ipcs_service_t *mainloop_add_ipc_server(const char *name, enum qb_ipc_type type,
                                                  struct qb_ipcs_service_handlers *callbacks);
extern void mainloop_del_ipc_server(qb_ipcs_service_t *server);
extern void *crm_ipc_new(const char *name, size_t max_size);
extern bool crm_ipc_connect(void *client);
extern int crm_ipc_send(void *client, xmlNode *message, int flags, int32_t ms_timeout, xmlNode **reply);
extern void crm_ipc_close(void *client);
extern void crm_ipc_destroy(void *client);

static GMainLoop *loop;
static qb_ipcs_service_t *server;
static pid_t child;
static int messages;
static int taken[2];

static gboolean
never(gpointer user_data)
{
    (void) user_data;
    printf("a freed client's timer runs\n");
    return FALSE;
}

/* Is there a string at this address, by which the client is found? Reads as another process would: it may be anything. */
static bool
is_id(const client_t *client, const void *address)
{
    char text[64] = "";
    struct iovec here = { text, sizeof(text) - 1 }, there = { (void *) address, sizeof(text) - 1 };

    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) > 0 && text[0] != 0
           && pcmk__find_client_by_id(text) == client;
}

/* Where a client has what, found out without knowing how it is laid out. */
static void
search(const client_t *client, const void *connection)
{
    static const uint64_t local = 1ULL << 32, privileged = 1ULL << 41;
    const uint64_t *words = (const void *) client;

    for (size_t i = 0; i < malloc_usable_size((void *) client) / sizeof(*words); i++) {
        if (words[i] == (uint64_t) (uintptr_t) connection) {
            printf("its connection is at %zu\n", i * sizeof(*words));
        } else if (words[i] == (local | privileged)) {
            printf("its flags are at %zu\n", i * sizeof(*words));
        } else if (is_id(client, (const void *) (uintptr_t) words[i])) {
            printf("its id is at %zu\n", i * sizeof(*words));
        }
    }
}

static int32_t
let_in(qb_ipcs_connection_t *c, uid_t uid, gid_t gid)
{
    client_t *client = pcmk__new_client(c, uid, gid);

    printf("user %s, flags %#llx, %u client, no name: %d\n", client->user, (unsigned long long) client->flags,
           pcmk__ipc_client_count(), client->name == NULL);
    printf("process: %d %d, found: %d, its connection: %d\n", (pid_t) client->pid == child,
           pcmk__client_pid(c) == child, pcmk__find_client(c) == client, client->ipcs == c);
    search(client, c);
    return 0;
}

static gboolean
drop(gpointer user_data)
{
    (void) user_data;
    pcmk__drop_all_clients(server);
    return FALSE;
}

static int32_t
take(qb_ipcs_connection_t *c, void *data, size_t size)
{
    uint32_t id = 0, flags = 0;
    client_t *client = pcmk__find_client(c);
    xmlBuffer *text;
#if RELEASE < 301
    xmlNode *message = pcmk__client_data2xml(client, data, &id, &flags);
#else
    xmlNode *message;

    if (pcmk__ipc_msg_append(&client->buffer, data) != 0) {
        return 0;
    }
    message = pcmk__client_data2xml(client, &id, &flags);
    g_byte_array_free(client->buffer, TRUE);
    client->buffer = NULL;
#endif
    text = xmlBufferCreate();

    (void) size;
    xmlNodeDump(text, message->doc, message, 0, 0);
    /* The first bit says how the message came. */
    printf("message %u, flags %#x, client's %#llx, %zu bytes: %.60s\n", id, flags & ~1U,
           (unsigned long long) client->flags, strlen((const char *) xmlBufferContent(text)),
           (const char *) xmlBufferContent(text));
    xmlBufferFree(text);
    xmlFreeDoc(message->doc);
    messages++;
    if (messages == 3) {
        /* Not from within this. */
        g_idle_add(drop, NULL);
    }
    if (write(taken[1], "", 1) != 1) {
        printf("the child cannot be told\n");
    }
    return 0;
}

static int32_t
is_closed(qb_ipcs_connection_t *c)
{
    client_t *client = pcmk__find_client(c);

    if (client != NULL) {
        /* Something is still to be sent to it. */
        struct iovec *event = calloc(2, sizeof(struct iovec));

        event[0].iov_base = malloc(10);
        event[1].iov_base = malloc(10);
        client->event_queue = g_queue_new();
        g_queue_push_tail(client->event_queue, event);
        client->event_timer = (int) g_timeout_add(0, never, NULL);
        pcmk__free_client(client);
        printf("gone: %d, %u clients\n", pcmk__find_client(c) == NULL, pcmk__ipc_client_count());
    }
    return 0;
}

static void
is_destroyed(qb_ipcs_connection_t *c)
{
    is_closed(c);
    g_main_loop_quit(loop);
}

static xmlNode *
new_message(const char *name, size_t length)
{
    xmlDoc *document = xmlNewDoc((const xmlChar *) "1.0");
    xmlNode *message = xmlNewDocNode(document, NULL, (const xmlChar *) name, NULL);
    char *filler = malloc(length + 1);

    memset(filler, 'x', length);
    filler[length] = 0;
    xmlDocSetRootElement(document, message);
    xmlSetProp(message, (const xmlChar *) "filler", (const xmlChar *) filler);
    free(filler);
    return message;
}

static int
talk(void)
{
    void *client = crm_ipc_new("pcmk-remote-rs-test", 0);
    char end;
    int rc = 0;

    while (!crm_ipc_connect(client)) {
        /* The server may not listen yet. */
        usleep(1000);
    }
    rc |= crm_ipc_send(client, new_message("one", 1), 0, 0, NULL) < 0;
    rc |= crm_ipc_send(client, new_message("large", 300000), 0, 0, NULL) < 0;
    rc |= crm_ipc_send(client, new_message("proxied", 1), 0x100, 0, NULL) < 0;
    for (int i = 0; i < 3; i++) {
        rc |= read(taken[0], &end, 1) != 1;
    }
    crm_ipc_close(client);
    crm_ipc_destroy(client);
    return rc;
}

static void
damaged(void)
{
#if RELEASE < 301
    uint32_t header[10] = { [2] = 40, [9] = 200 };
    xmlNode *message = pcmk__client_data2xml(NULL, header, NULL, NULL);
#else
    uint32_t header[10] = { [2] = 40, [8] = 200 };
    client_t client = { .buffer = g_byte_array_append(g_byte_array_new(), (guint8 *) header, sizeof(header)) };
    xmlNode *message = pcmk__client_data2xml(&client, NULL, NULL);

    g_byte_array_free(client.buffer, TRUE);
#endif
    printf("damaged: %d\n", message == NULL);
}

int
main(void)
{
    struct qb_ipcs_service_handlers handlers = {
        .connection_accept = let_in,
        .msg_process = take,
        .connection_closed = is_closed,
        .connection_destroyed = is_destroyed,
    };
    int status = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pipe(taken) != 0) {
        return 1;
    }
    child = fork();
    if (child == 0) {
        _exit(talk());
    }
    loop = g_main_loop_new(NULL, FALSE);
    server = mainloop_add_ipc_server("pcmk-remote-rs-test", QB_IPC_NATIVE, &handlers);
    g_main_loop_run(loop);
    /* None is left, whether it was dropped or had gone before. */
    pcmk__drop_all_clients(server);
    waitpid(child, &status, 0);
    printf("%d messages, the client ended with %d\n", messages, WEXITSTATUS(status));
    damaged();
    mainloop_del_ipc_server(server);
    g_main_loop_unref(loop);
    pcmk__client_cleanup();
    printf("%u clients\n", pcmk__ipc_client_count());
    return 0;
}
