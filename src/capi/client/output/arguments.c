/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The messages of lrmd__register_messages(): Pacemaker's output code calls them with a va_list, which stable Rust
 * cannot read. Everything else about them is in mod.rs.
 */
#include <stdarg.h>
#include <stddef.h>

struct list;
struct output;

enum subject { AGENTS, ALTERNATIVES, PROVIDERS, STANDARDS };

int pcmk_remote_rs_show_list(struct output *out, enum subject subject, int as_xml, struct list *list,
                             const char *name, const char *provider);

/* Every message brings the list first, then what it is about: up to two names, in this order. */
static int
show(struct output *out, enum subject subject, int as_xml, int names, va_list *arguments)
{
    struct list *list = va_arg(*arguments, struct list *);
    const char *name = names > 0 ? va_arg(*arguments, const char *) : NULL;
    const char *provider = names > 1 ? va_arg(*arguments, const char *) : NULL;

    return pcmk_remote_rs_show_list(out, subject, as_xml, list, name, provider);
}

/* A va_list that is an argument may be an array's address; a copy is never. */
#define MESSAGE(function, subject, as_xml, names)                  \
    static int function(struct output *out, va_list arguments)     \
    {                                                              \
        va_list copy;                                              \
        int rc;                                                    \
                                                                   \
        va_copy(copy, arguments);                                  \
        rc = show(out, subject, as_xml, names, &copy);             \
        va_end(copy);                                              \
        return rc;                                                 \
    }

MESSAGE(agents, AGENTS, 0, 2)
MESSAGE(agents_xml, AGENTS, 1, 2)
MESSAGE(alternatives, ALTERNATIVES, 0, 1)
MESSAGE(alternatives_xml, ALTERNATIVES, 1, 1)
MESSAGE(providers, PROVIDERS, 0, 1)
MESSAGE(providers_xml, PROVIDERS, 1, 1)
MESSAGE(standards, STANDARDS, 0, 0)

/* Ended by an entry without a name. "default" is every format without an entry of its own. */
const struct {
    const char *message;
    const char *format;
    int (*function)(struct output *, va_list);
} pcmk_remote_rs_messages[] = {
    { "agents-list", "default", agents },
    { "agents-list", "xml", agents_xml },
    { "alternatives-list", "default", alternatives },
    { "alternatives-list", "xml", alternatives_xml },
    { "providers-list", "default", providers },
    { "providers-list", "xml", providers_xml },
    { "standards-list", "default", standards },
    { NULL, NULL, NULL },
};
