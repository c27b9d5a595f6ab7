/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Listings as Pacemaker's tools print them. What is declared here is from crm/common/output_internal.h, which is not
 * packaged; the beginning of the structure is the same in every release.
 */
#include <stdbool.h>

#include "harness.h"

typedef struct output output_t;

struct output {
    const char *fmt_name;
    bool quiet;
    char *request;
    FILE *dest;
    GHashTable *messages;
    void *priv;
    bool (*init)(output_t *out);
    void (*free_priv)(output_t *out);
    void (*finish)(output_t *out, int exit_status, bool print, void **copy_dest);
    void (*reset)(output_t *out);
    void (*register_message)(output_t *out, const char *message_id, void *fn);
    int (*message)(output_t *out, const char *message_id, ...);
};

output_t *pcmk__mk_text_output(char **argv);
output_t *pcmk__mk_xml_output(char **argv);
int pcmk__register_format(GOptionGroup *group, const char *name, output_t *(*create)(char **),
                          const GOptionEntry *options);
int pcmk__output_new(output_t **out, const char *fmt_name, const char *filename, char *const *argv);
void pcmk__output_free(output_t *out);
void lrmd__register_messages(output_t *out);

static output_t *
new_output(const char *format)
{
    static char *const arguments[] = { "messages", NULL };
    output_t *out = NULL;
    int rc = pcmk__output_new(&out, format, NULL, arguments);

    if (rc != 0) {
        printf("no output object for %s: %d\n", format, rc);
        exit(1);
    }
    lrmd__register_messages(out);
    return out;
}

/* One message in an output object of its own. */
#define SHOW(format, ...)                                     \
    do {                                                      \
        output_t *out = new_output(format);                   \
        int rc = out->message(out, __VA_ARGS__);              \
                                                              \
        out->finish(out, 0, true, NULL);                      \
        pcmk__output_free(out);                               \
        printf("%s, %s: result %d\n", #__VA_ARGS__, format, rc); \
    } while (0)

static lrmd_list_t *
listing(int count)
{
    static const char *const names[] = { "first", "se<cond>", "th%sird" };
    lrmd_list_t *head = NULL, **end = &head;

    for (int i = 0; i < count; i++) {
        *end = calloc(1, sizeof(lrmd_list_t));
        (*end)->val = strdup(names[i]);
        end = &(*end)->next;
    }
    return head;
}

int
main(void)
{
    static const char *const formats[] = { "text", "xml" };

    begin();
    pcmk__register_format(NULL, "text", pcmk__mk_text_output, NULL);
    pcmk__register_format(NULL, "xml", pcmk__mk_xml_output, NULL);
    for (size_t i = 0; i < 2; i++) {
        const char *format = formats[i];

        SHOW(format, "agents-list", listing(3), "ocf", "heartbeat");
        SHOW(format, "agents-list", listing(1), "systemd", "");
        SHOW(format, "agents-list", listing(0), "lsb", NULL);
        SHOW(format, "alternatives-list", listing(2), "Dummy");
        SHOW(format, "alternatives-list", listing(0), "No%sne");
        SHOW(format, "providers-list", listing(2), "Dummy");
        SHOW(format, "providers-list", listing(3), NULL);
        SHOW(format, "standards-list", listing(3));
    }
    return 0;
}
