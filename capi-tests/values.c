/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The values that callers make, copy and free. What this prints has to be the same with upstream's header and
 * library, with upstream's header and our library in its place, and with our header and library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef PCMK_REMOTE_RS
#include <pcmk-remote-rs.h>
#else
#include <crm/lrmd.h>
#endif

/* For Pacemaker's own programs, in no public header. */
#ifdef PCMK_REMOTE_RS
typedef int exit_code;
#else
typedef enum ocf_exitcode exit_code;
#endif
void lrmd__set_result(lrmd_event_data_t *event, exit_code rc, int op_status, const char *exit_reason);
void lrmd__reset_result(lrmd_event_data_t *event);

static const char *
shown(const char *text)
{
    return text ? text : "NULL";
}

static void
key_values(void)
{
    char key[] = "ip";
    char value[] = "caf\xe9 <&> \x01";
    lrmd_key_value_t *head = lrmd_key_value_add(NULL, key, value);
    lrmd_key_value_t *first = head;

    /* The list has to keep copies. */
    memset(key, 'x', sizeof(key) - 1);
    memset(value, 'x', sizeof(value) - 1);
    head = lrmd_key_value_add(head, "", "");
    head = lrmd_key_value_add(head, "ip", "again");
    printf("the head stays: %d\n", head == first);
    for (lrmd_key_value_t *each = head; each != NULL; each = each->next) {
        printf("'%s' = '%s'\n", each->key, each->value);
    }
    /* Callers do this: a string of theirs, from malloc, in place of the library's. */
    free(head->value);
    head->value = strdup("replaced");
    lrmd_key_value_freeall(head);
    lrmd_key_value_freeall(NULL);

    head = NULL;
    for (int i = 0; i < 1000; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        head = lrmd_key_value_add(head, text, text);
    }
    for (lrmd_key_value_t *each = head; each != NULL; each = each->next) {
        if (each->next == NULL) {
            printf("the last is '%s'\n", each->key);
        }
    }
    lrmd_key_value_freeall(head);
}

static void
lists(void)
{
    lrmd_list_t *head = NULL;

    for (int i = 0; i < 3; i++) {
        lrmd_list_t *added = malloc(sizeof(*added));

        added->val = i == 1 ? NULL : strdup("Dummy");
        added->next = head;
        head = added;
    }
    lrmd_list_freeall(head);
    lrmd_list_freeall(NULL);
}

static void
show_info(const char *what, const lrmd_rsc_info_t *info)
{
    printf("%s: %s %s:%s:%s\n", what, shown(info->id), shown(info->standard), shown(info->provider),
           shown(info->type));
}

static void
resources(void)
{
    char id[] = "vip";
    lrmd_rsc_info_t *info = lrmd_new_rsc_info(id, "ocf", "heartbeat", "IPaddr2");
    lrmd_rsc_info_t *copy;

    id[0] = 'x';
    show_info("new", info);
    copy = lrmd_copy_rsc_info(info);
    printf("the copy shares nothing: %d\n", copy != info && copy->id != info->id
           && copy->standard != info->standard && copy->provider != info->provider && copy->type != info->type);
    lrmd_free_rsc_info(info);
    show_info("copy", copy);
    free(copy->id);
    copy->id = NULL;
    lrmd_free_rsc_info(copy);

    info = lrmd_new_rsc_info("web", "systemd", NULL, "httpd");
    show_info("without a provider", info);
    copy = lrmd_copy_rsc_info(info);
    show_info("its copy", copy);
    lrmd_free_rsc_info(info);
    lrmd_free_rsc_info(copy);

    info = lrmd_new_rsc_info(NULL, NULL, NULL, NULL);
    show_info("of nothing", info);
    lrmd_free_rsc_info(info);
    lrmd_free_rsc_info(NULL);
}

static void
operations(void)
{
    lrmd_op_info_t *info = calloc(1, sizeof(*info));

    info->rsc_id = strdup("vip");
    info->action = strdup("monitor");
    info->interval_ms_s = strdup("10000");
    lrmd_free_op_info(info);
    lrmd_free_op_info(NULL);
}

static void
show_event(const char *what, const lrmd_event_data_t *event)
{
    printf("%s: %s %s %s %s, interval %u, rc %d, status %d, output %s, reason %s\n", what,
           lrmd_event_type2str(event->type), shown(event->rsc_id), shown(event->op_type), shown(event->user_data),
           event->interval_ms, (int) event->rc, event->op_status, shown(event->output), shown(event->exit_reason));
    if (event->params != NULL) {
        GHashTable *params = (GHashTable *) event->params;

        printf("%u parameters, ip %s\n", g_hash_table_size(params),
               shown((const char *) g_hash_table_lookup(params, "ip")));
    }
}

static void
events(void)
{
    lrmd_event_data_t *event = lrmd_new_event(NULL, NULL, 0);
    lrmd_event_data_t *copy;
    lrmd_event_data_t own;

    show_event("of nothing", event);
    lrmd_free_event(event);
    lrmd_free_event(NULL);

    event = lrmd_new_event("vip", "monitor", 10000);
    event->type = lrmd_event_exec_complete;
    event->user_data = strdup("data");
    event->output = strdup("text");
    event->params = g_hash_table_new_full(g_str_hash, g_str_equal, free, free);
    g_hash_table_insert((GHashTable *) event->params, strdup("ip"), strdup("192.0.2.1"));
    lrmd__set_result(event, 7, 2, "because");
    lrmd__set_result(event, 1, 4, "it was so");
    copy = lrmd_copy_event(event);
    lrmd_free_event(event);
    show_event("copy", copy);
    lrmd__set_result(copy, 0, 0, copy->exit_reason);
    show_event("with its own reason", copy);
    lrmd__reset_result(copy);
    show_event("reset", copy);
    lrmd_free_event(copy);

    /* The controller's are on its stack. */
    memset(&own, 0, sizeof(own));
    lrmd__set_result(&own, 5, 7, "on the stack");
    show_event("own", &own);
    lrmd__reset_result(&own);
    lrmd__set_result(NULL, 0, 0, "nobody");
    lrmd__reset_result(NULL);
}

int
main(void)
{
    key_values();
    lists();
    resources();
    operations();
    events();
    return 0;
}
