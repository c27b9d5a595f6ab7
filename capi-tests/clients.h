/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A client of a daemon, pcmk__client_t, as libcrmcommon lays it out. Its headers are not public, so it is written here;
 * src/capi/abi/layout.rs has the same for the library. RELEASE says which release: 215 for 2.1.5.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include <stdint.h>
#include <glib.h>

struct remote;

typedef struct {
    unsigned int pid;
    char *id;
    char *name;
    char *user;
    uint64_t flags;
    int request_id;
    void *userdata;
    int event_timer;
    GQueue *event_queue;
#if RELEASE >= 301
    GByteArray *buffer;
#endif
    void *ipcs;
    struct remote *remote;
    unsigned int queue_backlog;
    unsigned int queue_max;
} client_t;

extern guint pcmk__ipc_client_count(void);
extern void pcmk__free_client(client_t *c);
extern void pcmk__client_cleanup(void);

#endif
