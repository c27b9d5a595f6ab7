/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of proxied sessions is data that Pacemaker's controller reads and writes. The program that links it gets
 * a copy of its own, which the library has to use.
 */
#include <assert.h>
#include <stddef.h>

#include <glib.h>

extern GHashTable *proxy_table;
void remote_proxy_disconnected(gpointer userdata);
void remote_proxy_free(gpointer data);

struct proxy {
    char *node_name;
    char *session_id;
    gboolean is_local;
    void *ipc;
    void *source;
    guint32 last_request_id;
    void *lrm;
};

int
main(void)
{
    struct proxy *proxy = g_new0(struct proxy, 1);

    assert(proxy_table == NULL);
    proxy_table = g_hash_table_new(g_str_hash, g_str_equal);
    proxy->session_id = "session";
    g_hash_table_insert(proxy_table, proxy->session_id, proxy);

    /* The library takes the session out of the table that we have put it into. */
    remote_proxy_disconnected(proxy);
    assert(g_hash_table_size(proxy_table) == 0);
    g_hash_table_destroy(proxy_table);
    g_free(proxy);
    return 0;
}
