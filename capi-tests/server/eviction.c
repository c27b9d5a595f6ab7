/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A client goes while another is being told something: its recurring operation ends within that call, and what is told
 * of it must come behind. Then a request of a client that goes while it is answered, and things that make no sense. The
 * library runs with the distribution's libcrmcommon; this program is its daemon.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <glib.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "../clients.h"

#define PRIVILEGED (1ULL << 41)
#define LOCAL (1ULL << 32)

extern client_t *pcmk__new_unauth_client(void *key);
extern GHashTable *pcmk__strkey_table(GDestroyNotify key, GDestroyNotify value);

extern GHashTable *rsc_list;
extern void free_rsc(gpointer data);
extern void notify_of_new_client(client_t *client);
extern void client_disconnect_cleanup(const char *id);
extern void process_lrmd_message(client_t *client, uint32_t id, xmlNode *request);

time_t start_time;
static client_t *leaver;
static bool leaves;
static char heard[2][256];
static int completed;

static void
leave(void)
{
    client_t *client = leaver;

    leaver = NULL;
    client_disconnect_cleanup(client->id);
    pcmk__free_client(client);
}

/* "op status" of a notification, for A and C. */
int
lrmd_server_send_notify(client_t *client, xmlNode *message)
{
    char *op = (char *) xmlGetProp(message, (const xmlChar *) "lrmd_op");
    char *status = (char *) xmlGetProp(message, (const xmlChar *) "lrmd_exec_op_status");
    char *line = strcmp(client->name, "A") == 0 ? heard[0] : strcmp(client->name, "C") == 0 ? heard[1] : NULL;

    completed += status != NULL;
    if (line != NULL) {
        snprintf(line + strlen(line), 256 - strlen(line), " %s%s%s", op, status != NULL ? "/" : "",
                 status != NULL ? status : "");
    }
    xmlFree(op);
    xmlFree(status);
    if (leaves && leaver != NULL && client != leaver) {
        leave();
    }
    return 0;
}

int
lrmd_server_send_reply(client_t *client, uint32_t id, xmlNode *reply)
{
    char *rc = (char *) xmlGetProp(reply, (const xmlChar *) "lrmd_rc");

    printf("reply %u to %s: %s\n", id, client->name, rc);
    xmlFree(rc);
    if (client == leaver && leaves) {
        leave();
        return 107;
    }
    return 0;
}

static client_t *
new_client(const char *name)
{
    client_t *client = pcmk__new_unauth_client(NULL);

    client->name = strdup(name);
    client->flags = LOCAL | PRIVILEGED;
    return client;
}

static void
ask(client_t *client, uint32_t id, const char *op, const char *data)
{
    char text[1024];
    xmlDoc *document;

    snprintf(text, sizeof(text), "<lrmd_command t=\"lrmd\" lrmd_op=\"%s\" lrmd_callid=\"%u\" lrmd_callopt=\"1\">"
             "<lrmd_calldata>%s</lrmd_calldata></lrmd_command>", op, id, data);
    document = xmlReadMemory(text, (int) strlen(text), NULL, NULL, 0);
    process_lrmd_message(client, id, xmlDocGetRootElement(document));
    xmlFreeDoc(document);
}

static void
run_until(int wanted)
{
    while (completed < wanted) {
        g_main_context_iteration(NULL, TRUE);
    }
}

static void
show(const char *what)
{
    printf("%s: A heard%s, C heard%s\n", what, heard[0], heard[1]);
    heard[0][0] = heard[1][0] = '\0';
}

#define RSC "<lrmd_rsc lrmd_rsc_id=\"r\" lrmd_class=\"ocf\" lrmd_provider=\"pacemaker\" lrmd_type=\"Dummy\"/>"
#define MONITOR "<lrmd_rsc lrmd_rsc_id=\"r\" lrmd_rsc_action=\"monitor\" lrmd_rsc_interval=\"60000\" " \
    "lrmd_timeout=\"20000\"><attributes state=\"/nonexistent\"/></lrmd_rsc>"

int
main(void)
{
    client_t *a, *c;

    setvbuf(stdout, NULL, _IOLBF, 0);
    rsc_list = pcmk__strkey_table(NULL, free_rsc);
    a = new_client("A");
    leaver = new_client("B");
    c = new_client("C");

    /* Nothing of this may do harm. */
    process_lrmd_message(NULL, 1, NULL);
    process_lrmd_message(a, 1, NULL);
    notify_of_new_client(NULL);
    free_rsc(NULL);
    client_disconnect_cleanup("nobody");

    ask(a, 1, "lrmd_rsc_register", RSC);
    ask(leaver, 2, "lrmd_rsc_exec", MONITOR);
    g_main_context_iteration(NULL, FALSE);
    /* Results go to their originator alone. */
    run_until(1);
    show("before");
    leaves = true;
    ask(a, 3, "lrmd_rsc_poke", "");
    show("B has left amid a notification");

    leaver = new_client("D");
    ask(leaver, 4, "lrmd_rsc_exec", MONITOR);
    show("D has left when it was answered");
    printf("%u clients, %u resources\n", pcmk__ipc_client_count(), g_hash_table_size(rsc_list));
    g_hash_table_destroy(rsc_list);
    show("the end");
    pcmk__free_client(a);
    pcmk__free_client(c);
    return 0;
}
