/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Alerts: which agents hear of an event, and what they are told. The agents here write their environment into a FIFO.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>

#include "harness.h"

/* From crm/common/alerts_internal.h and crm/lrmd_internal.h, which are not packaged. */
enum { NODE_KIND = 1, FENCING_KIND = 2, RESOURCE_KIND = 4, ATTRIBUTE_KIND = 8, DEFAULT_KINDS = 7 };

typedef struct {
    char *id;
    char *path;
    char *tstamp_format;
    char *recipient;
    char **select_attribute_name;
    GHashTable *envvars;
    int timeout;
    uint32_t flags;
} alert_t;

int lrmd_send_attribute_alert(lrmd_t *lrmd, const GList *alert_list, const char *node, uint32_t nodeid,
                              const char *attr_name, const char *attr_value);
int lrmd_send_node_alert(lrmd_t *lrmd, const GList *alert_list, const char *node, uint32_t nodeid,
                         const char *state);
int lrmd_send_fencing_alert(lrmd_t *lrmd, const GList *alert_list, const char *target, const char *task,
                            const char *desc, int op_rc);
int lrmd_send_resource_alert(lrmd_t *lrmd, const GList *alert_list, const char *node,
                             const lrmd_event_data_t *op);

static char agent[512];

static void
make_agent(void)
{
    FILE *file;

    snprintf(agent, sizeof(agent), "%s", own_path("agent"));
    file = fopen(agent, "w");
    fputs("#!/bin/sh\nenv | grep -E '^(CRM_|own_)' | sort >\"$CRM_alert_recipient\"\n", file);
    fclose(file);
    chmod(agent, 0755);
}

/* An alert whose agent writes into the FIFO of this name. */
static alert_t *
new_alert(const char *name, uint32_t kinds)
{
    alert_t *alert = calloc(1, sizeof(alert_t));

    alert->id = strdup(name);
    alert->path = strdup(agent);
    alert->recipient = strdup(own_path(name));
    alert->timeout = 20000;
    alert->flags = kinds;
    unlink(alert->recipient);
    mkfifo(alert->recipient, 0600);
    /* Agents run as the cluster's user. */
    chmod(alert->recipient, 0666);
    return alert;
}

static void
free_alert(void *data)
{
    alert_t *alert = data;

    free(alert->id);
    free(alert->path);
    free(alert->tstamp_format);
    free(alert->recipient);
    g_strfreev(alert->select_attribute_name);
    if (alert->envvars != NULL) {
        g_hash_table_destroy(alert->envvars);
    }
    free(alert);
}

/* The value of a line "KEY=VALUE". */
static const char *
value_of(const char *line)
{
    return strchr(line, '=') + 1;
}

/* What an agent was told. Times are not shown, only that they are one time. */
static void
heard(const char *name)
{
    FILE *file = fopen(own_path(name), "r");
    char line[1024], shown_time[256] = "", epoch[256] = "", usec[256] = "", expected[768];

    printf("  %s hears\n", name);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strstr(line, "_timestamp") == NULL) {
            printf("   %s\n", line);
            continue;
        }
        printf("   %.*s=...\n", (int) strcspn(line, "="), line);
        if (g_str_has_prefix(line, "CRM_alert_timestamp=")) {
            snprintf(shown_time, sizeof(shown_time), "%s", value_of(line));
        } else if (g_str_has_prefix(line, "CRM_alert_timestamp_epoch=")) {
            snprintf(epoch, sizeof(epoch), "%s", value_of(line));
        } else if (g_str_has_prefix(line, "CRM_alert_timestamp_usec=")) {
            snprintf(usec, sizeof(usec), "%s", value_of(line));
        }
    }
    fclose(file);
    snprintf(expected, sizeof(expected), "at %s.%s", epoch, usec);
    printf("   digits of the second: %zu; time stamp: %s\n", strlen(usec),
           *shown_time == '\0' ? "none" : strcmp(shown_time, expected) == 0 ? "the same time" : shown_time);
}

static void
kinds(lrmd_t *lrmd)
{
    GList *list = g_list_append(NULL, new_alert("usual", DEFAULT_KINDS));
    alert_t *second = new_alert("nodes", NODE_KIND);

    printf(" node\n");
    second->tstamp_format = strdup("at %s.%06N");
    second->envvars = g_hash_table_new_full(g_str_hash, g_str_equal, free, free);
    g_hash_table_insert(second->envvars, strdup("own_level"), strdup("3 < 4"));
    g_hash_table_insert(second->envvars, strdup("own_nothing"), NULL);
    g_hash_table_insert(second->envvars, strdup("CRM_alert_node"), strdup("replaced"));
    list = g_list_append(list, second);
    printf("  result %d\n", lrmd_send_node_alert(lrmd, list, "n1", 7, "lost"));
    heard("usual");
    heard("nodes");

    printf(" fencing\n");
    printf("  result %d\n", lrmd_send_fencing_alert(lrmd, list, "n1", "off", "Operation off of n1 by n2", -62));
    heard("usual");
    printf("  result without texts %d\n", lrmd_send_fencing_alert(lrmd, list, NULL, NULL, NULL, 0));
    heard("usual");

    printf(" attribute, which nobody wants\n");
    printf("  result %d\n", lrmd_send_attribute_alert(lrmd, list, "n1", 7, "pingd", "100"));
    g_list_free_full(list, free_alert);
}

static void
attributes(lrmd_t *lrmd)
{
    alert_t *chosen = new_alert("chosen", ATTRIBUTE_KIND);
    GList *list = g_list_append(NULL, new_alert("all", ATTRIBUTE_KIND | NODE_KIND));

    printf(" attributes\n");
    chosen->select_attribute_name = g_strsplit("shutdown,pingd", ",", 0);
    list = g_list_append(list, chosen);
    printf("  result %d\n", lrmd_send_attribute_alert(lrmd, list, "n1", 4294967295U, "pingd", "100"));
    heard("all");
    heard("chosen");
    printf("  result %d\n", lrmd_send_attribute_alert(lrmd, list, NULL, 0, "standby", NULL));
    heard("all");
    g_list_free_full(list, free_alert);
}

/* Sends one operation's alert; with `silent`, nothing is to be heard. */
static void
operation(lrmd_t *lrmd, GList *list, lrmd_event_data_t *op, gboolean silent)
{
    printf("  result %d\n", lrmd_send_resource_alert(lrmd, list, "n1", op));
    if (!silent) {
        heard("resources");
    }
}

static void
operations(lrmd_t *lrmd)
{
    static const char *const keys[] = { "1:2:0:16d0e2f4-0000-4000-8000-000000000000", "1:2:0", NULL };
    static const int codes[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 190, 191, 193 };
    GList *list = g_list_append(NULL, new_alert("resources", DEFAULT_KINDS));
    lrmd_event_data_t op = { .type = lrmd_event_exec_complete, .rsc_id = "r", .timeout = 30000 };

    ((alert_t *) list->data)->tstamp_format = strdup("at %s.%6N");
    op.op_type = "monitor";
    op.user_data = "4:17:7:16d0e2f4-0000-4000-8000-000000000000";
    op.rc = 7;
    printf(" a probe as expected\n");
    operation(lrmd, list, &op, TRUE);
    printf(" a probe with a surprise\n");
    op.rc = 0;
    op.exec_time = 12;
    operation(lrmd, list, &op, FALSE);
    printf(" a repeated monitor as expected\n");
    op.rc = 7;
    op.interval_ms = 10000;
    operation(lrmd, list, &op, FALSE);
    op.op_type = "start";
    op.interval_ms = 0;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        printf(" a start for %s\n", shown(keys[i]));
        op.user_data = keys[i];
        operation(lrmd, list, &op, FALSE);
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        printf(" exit code %d\n", codes[i]);
        op.rc = codes[i];
        operation(lrmd, list, &op, FALSE);
    }
    op.rc = 1;
    op.exec_time = 0;
    for (op.op_status = -1; op.op_status <= 12; op.op_status++) {
        printf(" status %d\n", op.op_status);
        operation(lrmd, list, &op, FALSE);
    }
    g_list_free_full(list, free_alert);
}

static void
failures(lrmd_t *lrmd)
{
    GList *list = g_list_append(NULL, new_alert("usual", DEFAULT_KINDS));
    lrmd_t *unconnected = lrmd_api_new();

    printf(" failures\n");
    printf("  no handle %d\n", lrmd_send_node_alert(NULL, list, "n1", 7, "lost"));
    printf("  no connection %d\n", lrmd_send_node_alert(unconnected, list, "n1", 7, "lost"));
    printf("  no connection and nobody concerned %d\n",
           lrmd_send_attribute_alert(unconnected, list, "n1", 7, "a", "b"));
    printf("  no list %d\n", lrmd_send_node_alert(lrmd, NULL, "n1", 7, "lost"));
    lrmd_api_delete(unconnected);
    g_list_free_full(list, free_alert);
}

int
main(void)
{
    begin();
    make_agent();
    for (size_t i = 0; i < sizeof(TRANSPORTS) / sizeof(TRANSPORTS[0]); i++) {
        lrmd_t *lrmd;

        printf("%s\n", TRANSPORTS[i]);
        lrmd = connected(TRANSPORTS[i], print_event);
        kinds(lrmd);
        attributes(lrmd);
        operations(lrmd);
        failures(lrmd);
        lrmd_api_delete(lrmd);
    }
    return 0;
}
