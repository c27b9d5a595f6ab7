/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The values that callers make, copy and free. What this prints has to be the same with upstream's header and
 * library, with upstream's header and our library in its place, and with our header and library.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef PCMK_REMOTE_RS
#include <pcmk-remote-rs.h>
#else
#include <crm/lrmd.h>
#endif

#define SIZE(type) printf("sizeof " #type " = %zu\n", sizeof(type))
#define OFFSET(type, field) \
    printf(#type "." #field " at %zu, %zu bytes\n", offsetof(type, field), sizeof(((type *) 0)->field))

static const char *
shown(const char *text)
{
    return text ? text : "NULL";
}

static void
layouts(void)
{
    SIZE(lrmd_key_value_t);
    OFFSET(lrmd_key_value_t, key);
    OFFSET(lrmd_key_value_t, value);
    OFFSET(lrmd_key_value_t, next);
    SIZE(lrmd_list_t);
    OFFSET(lrmd_list_t, val);
    OFFSET(lrmd_list_t, next);
    SIZE(lrmd_rsc_info_t);
    OFFSET(lrmd_rsc_info_t, id);
    OFFSET(lrmd_rsc_info_t, type);
    OFFSET(lrmd_rsc_info_t, standard);
    OFFSET(lrmd_rsc_info_t, provider);
    SIZE(lrmd_op_info_t);
    OFFSET(lrmd_op_info_t, rsc_id);
    OFFSET(lrmd_op_info_t, action);
    OFFSET(lrmd_op_info_t, interval_ms_s);
    OFFSET(lrmd_op_info_t, timeout_ms_s);
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

int
main(void)
{
    layouts();
    key_values();
    lists();
    resources();
    operations();
    return 0;
}
