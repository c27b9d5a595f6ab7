/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plays the neighbours of execd_commands (main, alerts, proxy, schemas, the fencer) and prints everything that passes
 * between them and the library. REMOTE makes the neighbours those of a remote daemon. One line for a notification, with
 * all who were sent it. commands-*.out have what the library says. Upstream's own objects of 2.1.5 and 3.0.0 say the
 * same to the same script, but for what docs/differences.md names: compared by hand.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <dlfcn.h>
#include <glib.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "../clients.h"

/* How many hear of an operation at the end: a provider hears only what a provider has asked for. */
#ifdef REMOTE
#define HEARERS 2
#else
#define HEARERS 3
#endif

#define F_IPC (1ULL << 32)
#define F_TLS (1ULL << 34)
#define F_PRIV (1ULL << 41)
#define F_TO_PROXY (1ULL << 42)
#define F_SHAKEN (1ULL << 44)
extern client_t *pcmk__new_unauth_client(void *key);
extern GHashTable *pcmk__strkey_table(GDestroyNotify k, GDestroyNotify v);

/* what is under test */
extern GHashTable *rsc_list;
extern void notify_of_new_client(client_t *c);
extern void client_disconnect_cleanup(const char *id);
#ifdef PIECES
/* From 3.0.2 on: this program plays execd_messages too. */
extern void execd_free_rsc(gpointer data);
extern void execd_fencer_connection_failed(void);
extern xmlNode *execd_create_reply_as(const char *origin, int rc, int call_id);
extern int execd_process_signon(client_t *c, xmlNode *request, int call_id, xmlNode **reply);
extern void execd_process_rsc_register(client_t *c, uint32_t id, xmlNode *request);
extern int execd_process_get_rsc_info(xmlNode *request, int call_id, xmlNode **reply);
extern int execd_process_rsc_unregister(client_t *c, xmlNode *request);
extern int execd_process_rsc_exec(client_t *c, xmlNode *request);
extern int execd_process_rsc_cancel(client_t *c, xmlNode *request);
extern int execd_process_get_recurring(xmlNode *request, int call_id, xmlNode **reply);
extern void execd_send_generic_notify(int rc, xmlNode *request);
extern int lrmd_server_send_reply(client_t *c, uint32_t id, xmlNode *r);
static void process_lrmd_message(client_t *c, uint32_t id, xmlNode *request);
#define free_rsc execd_free_rsc
#define stonith_connection_failed execd_fencer_connection_failed
#define get_stonith_connection execd_get_fencer_connection
#else
extern void free_rsc(gpointer data);
extern void process_lrmd_message(client_t *c, uint32_t id, xmlNode *request);
extern void stonith_connection_failed(void);
#endif

time_t start_time;
static GMainLoop *loop;
static int call_id, depth, notifies;

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *
plain(const char *n, char *v, bool has_run)
{
    static const char *times[] = {"lrmd_run_time", "lrmd_rcchange_time", "uptime", "lrmd_exec_time", "lrmd_queue_time"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (!strcmp(n, times[i])) {
            if (i >= 3) {
                return has_run ? "(ms)" : v;
            }
            return strcmp(v, "0") && i != 2 ? "(set)" : i == 2 ? "(s)" : "0";
        }
    }
    return strcmp(n, "lrmd_clientid") ? v : "(uuid)";
}

static void
show(FILE *to, xmlNode *n)
{
    char *names[64];
    int c = 0;
    xmlChar *began = xmlGetProp(n, (const xmlChar *)"lrmd_run_time");
    fprintf(to, "<%s", (const char *)n->name);
    for (xmlAttr *a = n->properties; a && c < 64; a = a->next) {
        names[c++] = (char *)a->name;
    }
    qsort(names, c, sizeof *names, by_name);
    for (int i = 0; i < c; i++) {
        char *v = (char *)xmlGetProp(n, (const xmlChar *)names[i]);
        if (strcmp(names[i], "lrmd_origin")) {
            fprintf(to, " %s=%s", names[i], plain(names[i], v, began && strcmp((char *)began, "0")));
        }
        xmlFree(v);
    }
    xmlFree(began);
    fprintf(to, ">");
    for (xmlNode *k = n->children; k; k = k->next) {
        if (k->type == XML_ELEMENT_NODE) {
            show(to, k);
        }
    }
}

/* One notification and who was sent it: printed when the next line comes. */
static char *told, *receivers[16];
static int receiver_count;

static void
flush_told(void)
{
    if (!told) {
        return;
    }
    qsort(receivers, receiver_count, sizeof *receivers, by_name);
    for (int i = 0; i < depth; i++) {
        printf("  ");
    }
    printf("notify ");
    for (int i = 0; i < receiver_count; i++) {
        printf("%s%s", i ? "," : "", receivers[i]);
        free(receivers[i]);
    }
    printf(": %s\n", told);
    free(told);
    told = NULL;
    receiver_count = 0;
}

#define say(...) (flush_told(), printf(__VA_ARGS__))

static char *
text_of(xmlNode *n)
{
    char *text;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    show(to, n);
    fclose(to);
    return text;
}

static void
say_tree(xmlNode *n)
{
    char *text = text_of(n);
    printf("%s\n", text);
    free(text);
}

static void
in(void)
{
    flush_told();
    for (int i = 0; i < depth; i++) {
        printf("  ");
    }
}

/* pacemaker-execd.o */
int
lrmd_server_send_reply(client_t *c, uint32_t id, xmlNode *r)
{
    in();
    say("reply to %s, %u: ", c->name ? c->name : "-", id);
    say_tree(r);
    return 0;
}

int
lrmd_server_send_notify(client_t *c, xmlNode *m)
{
    char *text = text_of(m);
    notifies++;
    if (told && (strcmp(told, text) || receiver_count == 16)) {
        flush_told();
    }
    if (told) {
        free(text);
    } else {
        told = text;
    }
    receivers[receiver_count++] = strdup(c->name);
    return strcmp(c->name, "Broken") ? 0 : ENOTCONN;
}

/* execd_alerts.o */
int
process_lrmd_alert_exec(client_t *c, uint32_t id, xmlNode *r)
{
    in();
    say("alert neighbour, from %s, %u: ", c->name, id);
    say_tree(r);
    return -7;
}

/* remoted_*.o */
#ifdef REMOTE
void
ipc_proxy_add_provider(client_t *c)
{
    in();
    say("proxy neighbour: add provider %s\n", c->name);
}

int
ipc_proxy_forward_client(client_t *c, xmlNode *x)
{
    in();
    say("proxy neighbour: forward from %s: ", c->name);
    say_tree(x);
    return 0;
}

void
remoted_request_cib_schema_files(void)
{
    in();
    say("schemas neighbour: request\n");
}
#endif

/* the fencer as libstonithd would hand it over */
typedef struct kv {
    char *key, *value;
    struct kv *next;
} kv_t;
typedef struct stonith stonith_t;

typedef struct {
    int rc, call_id;
    void *userdata, *opaque;
} cb_data_t;

typedef struct {
    int exit_status, execution_status;
    char *exit_reason, *out, *err;
} result_t;

static struct {
    void (*cb)(stonith_t *, cb_data_t *);
    void *data;
    int id;
} waiting;

static int fencer_there, monitor_rc = 11, register_rc;

static int
f_remove(stonith_t *s, int o, const char *n)
{
    (void)s;
    in();
    say("fencer: remove_device options %#x name %s\n", o, n);
    return 0;
}

static int
f_register(stonith_t *s, int o, const char *id, const char *ns, const char *agent, const kv_t *p)
{
    int n = 0;
    (void)s;
    for (const kv_t *i = p; i; i = i->next) {
        n++;
    }
    in();
    say("fencer: register_device options %#x id %s namespace %s agent %s, %d params\n", o, id, ns ? ns : "NULL", agent,
        n);
    return register_rc;
}

static int
f_monitor(stonith_t *s, int o, const char *id, int t)
{
    (void)s;
    in();
    say("fencer: monitor options %#x id %s timeout %d\n", o, id, t);
    return monitor_rc;
}

static int
f_callback(stonith_t *s, int call, int timeout, int options, void *data, const char *name,
           void (*cb)(stonith_t *, cb_data_t *))
{
    (void)s;
    in();
    say("fencer: register_callback call %d timeout %d options %#x data %s name %s\n", call, timeout, options,
        data ? "set" : "NULL", name ? "set" : "NULL");
    waiting.cb = cb;
    waiting.data = data;
    waiting.id = call;
    return 1;
}

static void *ops[32] = {[3] = f_remove, [4] = f_register, [10] = f_monitor, [18] = f_callback};
#if RELEASE < 300
static struct {
    int state, call, limit;
    void *priv;
    void *ops;
} fencer = {0, 0, 0, NULL, ops};
#else
static struct {
    int state, call;
    void *priv;
    void *ops;
} fencer = {0, 0, NULL, ops};
#endif
stonith_t *
get_stonith_connection(void)
{
    in();
    say("fencer: connection asked for, %s\n", fencer_there ? "given" : "none");
    return fencer_there ? (stonith_t *)&fencer : NULL;
}
#ifndef REMOTE
static void
fencer_answers(int exit_status, int execution_status, const char *reason)
{
    result_t r = {exit_status, execution_status, (char *)reason, NULL, NULL};
    cb_data_t d = {0, waiting.id, waiting.data, &r};
    void (*cb)(stonith_t *, cb_data_t *) = waiting.cb;
    say("fencer answers: exit %d status %d\n", exit_status, execution_status);
    waiting.cb = NULL;
    flush_told();
    depth++;
    cb((stonith_t *)&fencer, &d);
    flush_told();
    depth--;
}
#endif

static xmlNode *
parse(const char *t)
{
    xmlNode *(*f)(const char *) = (xmlNode * (*)(const char *)) dlsym(RTLD_DEFAULT, "pcmk__xml_parse");
    if (!f) {
        f = (xmlNode * (*)(const char *)) dlsym(RTLD_DEFAULT, "string2xml");
    }
    return f(t);
}

static void
release(xmlNode *n)
{
    void (*f)(xmlNode *) = (void (*)(xmlNode *))dlsym(RTLD_DEFAULT, "pcmk__xml_free");
    if (!f) {
        f = (void (*)(xmlNode *))dlsym(RTLD_DEFAULT, "free_xml");
    }
    f(n);
}

static client_t *
client(const char *name, uint64_t flags)
{
    client_t *c = pcmk__new_unauth_client(NULL);
    c->name = name ? strdup(name) : NULL;
    c->flags = flags;
    return c;
}

static void
ask(client_t *c, const char *op, int options, const char *data)
{
    char text[4096], number[16];
    xmlNode *r;
    snprintf(text, sizeof text,
             "<lrmd_command t=\"lrmd\" lrmd_op=\"%s\" lrmd_callopt=\"%d\" "
             "lrmd_protocol_version=\"1.2\">%s%s%s</lrmd_command>",
             op, options, data ? "<lrmd_calldata>" : "", data ? data : "", data ? "</lrmd_calldata>" : "");
    if (!(r = parse(text))) {
        say("bad test: %s\n", text);
        exit(1);
    }
    snprintf(number, sizeof number, "%d", ++call_id);
    xmlSetProp(r, (xmlChar *)"lrmd_clientid", (xmlChar *)c->id);
    if (c->name) {
        xmlSetProp(r, (xmlChar *)"lrmd_clientname", (xmlChar *)c->name);
    }
    xmlSetProp(r, (xmlChar *)"lrmd_callid", (xmlChar *)number);
    say("%s asks %s, call %d\n", c->name ? c->name : "(nameless)", op, call_id);
    flush_told();
    depth++;
    process_lrmd_message(c, 100 + call_id, r);
    flush_told();
    depth--;
    release(r);
}
#ifdef PIECES
static int
number_of(xmlNode *request)
{
    char *text = (char *)xmlGetProp(request, (const xmlChar *)"lrmd_callid");
    int number = text ? atoi(text) : 0;
    xmlFree(text);
    return number;
}

/* Replies, then tells of it, as the dispatcher does. */
static void
process_lrmd_message(client_t *c, uint32_t id, xmlNode *request)
{
    char *op = (char *)xmlGetProp(request, (const xmlChar *)"lrmd_op");
    int call = number_of(request), rc = 0;
    bool news = false;
    xmlNode *reply = NULL;
    if (!strcmp(op, "register")) {
        rc = execd_process_signon(c, request, call, &reply);
    } else if (!strcmp(op, "lrmd_rsc_poke")) {
        news = true;
    } else if (!(c->flags & F_PRIV)) {
        xmlFree(op);
        return;
    } else if (!strcmp(op, "lrmd_rsc_register")) {
        execd_process_rsc_register(c, id, request);
        news = true;
    } else if (!strcmp(op, "lrmd_rsc_info")) {
        rc = execd_process_get_rsc_info(request, call, &reply);
    } else if (!strcmp(op, "lrmd_rsc_unregister")) {
        rc = execd_process_rsc_unregister(c, request);
        news = !rc || rc == EINPROGRESS;
    } else if (!strcmp(op, "lrmd_rsc_exec")) {
        rc = execd_process_rsc_exec(c, request);
        if (!rc) {
            rc = -call;
        }
    } else if (!strcmp(op, "lrmd_rsc_cancel")) {
        rc = execd_process_rsc_cancel(c, request);
    } else if (!strcmp(op, "lrmd_get_recurring")) {
        rc = execd_process_get_recurring(request, call, &reply);
    } else {
        xmlFree(op);
        return;
    }
    if (!reply) {
        reply = execd_create_reply_as(op, -rc, call);
    }
    lrmd_server_send_reply(c, id, reply);
    release(reply);
    if (news) {
        execd_send_generic_notify(-rc, request);
    }
    xmlFree(op);
}
#endif
static gboolean
enough(gpointer d)
{
    *(bool *)d = true;
    return FALSE;
}

/* runs the loop until so many notifications have come, or the time is over */
static void
run(int wanted, int ms)
{
    bool over = false;
    guint t;
    int until = notifies + wanted;
    t = g_timeout_add(ms, enough, &over);
    while (!over && (wanted == 0 || notifies < until)) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (!over) {
        g_source_remove(t);
    }
    say("-- loop ran%s\n", over && wanted ? ": TOO FEW" : "");
}

#define RSC(id, cls, prov, type)                                                                                       \
    "<lrmd_rsc lrmd_rsc_id=\"" id "\" lrmd_class=\"" cls "\" " prov " lrmd_type=\"" type "\"/>"
#define OP(id, act, ms, delay, ud)                                                                                     \
    "<lrmd_rsc lrmd_rsc_id=\"" id "\" lrmd_rsc_action=\"" act "\" lrmd_rsc_userdata_str=\"" ud                         \
    "\" lrmd_rsc_interval=\"" ms "\" lrmd_timeout=\"20000\" lrmd_rsc_start_delay=\"" delay                             \
    "\"><attributes state=\"/tmp/state-" id "\" CRM_meta_timeout=\"20000\"/></lrmd_rsc>"
#define OCF "lrmd_provider=\"pacemaker\""

int
main(void)
{
    client_t *a, *b, *nameless, *poor, *proxied, *tls;
    setvbuf(stdout, NULL, _IONBF, 0);
    unlink("/tmp/state-r1");
    unlink("/tmp/state-r2");
    start_time = time(NULL);
    rsc_list = pcmk__strkey_table(NULL, free_rsc);
    loop = g_main_loop_new(NULL, FALSE);
    a = client("A", F_IPC | F_PRIV);
    b = client("B", F_IPC | F_PRIV);
    nameless = client(NULL, F_IPC | F_PRIV);
    poor = client("Poor", F_IPC);
    proxied = client("Proxied", F_IPC | F_TO_PROXY);
    tls = client("Tls", F_TLS | F_PRIV | F_SHAKEN);
    tls->remote = calloc(1, 128);
    (void)proxied;
    say("new client B\n");
    flush_told();
    depth++;
    notify_of_new_client(b);
    flush_told();
    depth--;
    ask(a, "register", 0, NULL);
    ask(a, "lrmd_rsc_poke", 0, NULL);
    ask(poor, "lrmd_rsc_register", 0, RSC("r1", "ocf", OCF, "Dummy"));
    ask(a, "lrmd_rsc_register", 0, RSC("r1", "ocf", OCF, "Dummy"));
    say("resources known: %u\n", g_hash_table_size(rsc_list));
    ask(a, "lrmd_rsc_register", 0, RSC("r1", "ocf", OCF, "Dummy"));
    ask(a, "lrmd_rsc_info", 0, "<lrmd_rsc lrmd_rsc_id=\"r1\"/>");
    ask(a, "lrmd_rsc_info", 0, "<lrmd_rsc lrmd_rsc_id=\"none\"/>");
    ask(a, "lrmd_rsc_exec", 4, OP("none", "start", "0", "0", "u"));
    ask(a, "lrmd_rsc_exec", 0, OP("r1", "monitor", "0", "0", "probe"));
    say("it has not run inside the call: %d notifications so far\n", notifies);
    run(4, 8000);
    ask(a, "lrmd_rsc_exec", 2, OP("r1", "start", "0", "0", "only the originator"));
    run(1, 8000);
    ask(b, "lrmd_rsc_exec", 4, OP("r1", "monitor", "500", "0", "changes only"));
    run(4, 8000);
    say("second repeat is silent\n");
    run(0, 1300);
    ask(a, "lrmd_get_recurring", 0, NULL);
    ask(a, "lrmd_rsc_exec", 4, OP("r1", "monitor", "500", "0", "again"));
    run(4, 8000);
    ask(a, "lrmd_get_recurring", 0, "<lrmd_rsc lrmd_rsc_id=\"r1\"/>");
    ask(a, "lrmd_rsc_cancel", 0,
        "<lrmd_rsc lrmd_rsc_id=\"r1\" lrmd_rsc_action=\"monitor\" lrmd_rsc_interval=\"500\"/>");
    ask(a, "lrmd_rsc_cancel", 0,
        "<lrmd_rsc lrmd_rsc_id=\"r1\" lrmd_rsc_action=\"monitor\" lrmd_rsc_interval=\"500\"/>");
    ask(a, "lrmd_rsc_exec", 0, OP("r1", "monitor", "10000", "0", "to be stopped"));
    run(4, 8000);
    ask(a, "lrmd_rsc_exec", 0, OP("r1", "stop", "0", "0", "stop"));
    run(4, 8000);
    ask(a, "lrmd_rsc_exec", 0, OP("r1", "monitor", "0", "60000", "delayed"));
    ask(a, "lrmd_rsc_exec", 0, OP("r1", "monitor", "20000", "0", "behind it"));
    run(0, 300);
    ask(a, "lrmd_rsc_register", 0, RSC("r1", "ocf", OCF, "Stateful"));
    ask(a, "lrmd_rsc_unregister", 0, "<lrmd_rsc lrmd_rsc_id=\"r1\"/>");
    ask(a, "lrmd_rsc_unregister", 0, "<lrmd_rsc lrmd_rsc_id=\"r1\"/>");
    say("resources known: %u\n", g_hash_table_size(rsc_list));
    ask(a, "lrmd_rsc_register", 3, RSC("r2", "ocf", OCF, "Dummy"));
    ask(b, "lrmd_rsc_exec", 0, OP("r2", "monitor", "10000", "0", "of B"));
    ask(a, "lrmd_rsc_exec", 0, OP("r2", "monitor", "11000", "0", "of A"));
    run(8, 8000);
    say("B leaves\n");
    flush_told();
    depth++;
    client_disconnect_cleanup(b->id);
    flush_told();
    depth--;
    pcmk__free_client(b);
    say("everybody leaves\n");
    flush_told();
    depth++;
    client_disconnect_cleanup(NULL);
    flush_told();
    depth--;
    ask(a, "lrmd_rsc_exec", 0, OP("r2", "start", "0", "0", "in flight when unregistered"));
    for (int i = 0; i < 3; i++) {
        g_main_context_iteration(NULL, FALSE);
    }
    ask(a, "lrmd_rsc_unregister", 0, "<lrmd_rsc lrmd_rsc_id=\"r2\"/>");
    run(3, 8000);
    ask(a, "lrmd_alert_exec", 0,
        "<lrmd_alert lrmd_alert_id=\"x\" lrmd_alert_path=\"/bin/true\" lrmd_timeout=\"1000\"/>");
    ask(a, "ipc_fwd", 0, NULL);
    ask(poor, "ipc_fwd", 0, NULL);
    ask(a, "no_such_thing", 0, NULL);
    ask(nameless, "lrmd_rsc_poke", 0, NULL);
    {
        char t[] = "<lrmd_command t=\"lrmd\" lrmd_op=\"register\" lrmd_is_ipc_provider=\"true\" "
                   "lrmd_protocol_version=\"1.2\" lrmd_callid=\"900\"/>";
        xmlNode *r = parse(t);
        client_t *who[2] = {a, tls};
        for (int i = 0; i < 2; i++) {
            say("%s wants to be a provider\n", who[i]->name);
            flush_told();
            depth++;
            process_lrmd_message(who[i], 900 + i, r);
            flush_told();
            depth--;
        }
        release(r);
    }
    {
        xmlNode *r =
            parse("<lrmd_command t=\"lrmd\" lrmd_op=\"register\" lrmd_protocol_version=\"0.1\" lrmd_callid=\"910\"/>");
        say("A speaks 0.1\n");
        flush_told();
        depth++;
        process_lrmd_message(a, 910, r);
        flush_told();
        depth--;
        release(r);
    }
    say("== fencing\n");
    ask(a, "lrmd_rsc_register", 0, RSC("f", "stonith", "", "fence_own"));
    ask(a, "lrmd_rsc_exec", 0, OP("f", "monitor", "0", "0", "probe"));
    run(HEARERS, 3000);
    ask(a, "lrmd_rsc_exec", 0, OP("f", "start", "0", "0", "no fencer"));
    run(HEARERS, 3000);
#ifndef REMOTE
    fencer_there = 1;
    ask(a, "lrmd_rsc_exec", 0, OP("f", "start", "0", "0", "start"));
    run(0, 200);
    fencer_answers(0, 0, NULL);
    ask(a, "lrmd_rsc_exec", 0, OP("f", "monitor", "0", "0", "probe"));
    ask(a, "lrmd_rsc_exec", 0, OP("f", "monitor", "700", "0", "recurring"));
    run(HEARERS, 1000);
    run(0, 200);
    fencer_answers(1, 4, "own reason");
    run(0, 900);
    fencer_answers(0, 10, NULL);
    run(0, 900);
    ask(a, "lrmd_rsc_cancel", 0, "<lrmd_rsc lrmd_rsc_id=\"f\" lrmd_rsc_action=\"monitor\" lrmd_rsc_interval=\"700\"/>");
    say("in flight, so the cancellation waits\n");
    fencer_answers(0, 0, NULL);
    ask(a, "lrmd_rsc_exec", 0, OP("f", "monitor", "5000", "0", "lost"));
    run(0, 200);
    say("the fencer is lost\n");
    flush_told();
    depth++;
    stonith_connection_failed();
    flush_told();
    depth--;
    ask(a, "lrmd_rsc_exec", 0, OP("f", "monitor", "0", "0", "probe after loss"));
    run(HEARERS, 1000);
    ask(a, "lrmd_rsc_exec", 0, OP("f", "stop", "0", "0", "stop"));
    run(HEARERS, 1000);
    ask(a, "lrmd_rsc_exec", 0, OP("f", "reload", "0", "0", "odd"));
    run(HEARERS, 1000);
    register_rc = -107;
    ask(a, "lrmd_rsc_exec", 0, OP("f", "start", "0", "0", "refused"));
    run(HEARERS, 1000);
#endif
    say("== the end\n");
    ask(a, "lrmd_rsc_register", 0, RSC("r1", "ocf", OCF, "Dummy"));
    ask(a, "lrmd_rsc_exec", 0, OP("r1", "monitor", "10000", "0", "recurs at the end"));
    run(HEARERS, 8000);
    ask(a, "lrmd_rsc_exec", 0, OP("r1", "start", "0", "60000", "waits at the end"));
    say("table destroyed\n");
    flush_told();
    depth++;
    g_hash_table_destroy(rsc_list);
    flush_told();
    depth--;
    say("done, %u clients\n", pcmk__ipc_client_count());
    return 0;
}
