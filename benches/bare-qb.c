/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bare-qb: what request and response over libqb's shared memory cost when nothing is done with them, to hold local
 * calls against.
 *
 *   bare-qb ROUNDS SECONDS
 *
 * Server and client are two processes; both run where the caller's affinity lets them. Prints one line of JSON, as
 * lrmd-bench does, with the server's CPU time of a round beside.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <qb/qbipcc.h>
#include <qb/qbipcs.h>
#include <qb/qbloop.h>

#include "child.h"
#include "samples.h"

/* About what get_rsc_info takes. */
enum { REQUEST_SIZE = 300, RESPONSE_SIZE = 400, BUFFER_SIZE = 131072, PATIENCE_MS = 5000 };

static char name[64];
static qb_loop_t *loop;

/* ---- Server ---- */

static int32_t
accept_anyone(qb_ipcs_connection_t *connection, uid_t user, gid_t group)
{
    return 0;
}

static int32_t
respond(qb_ipcs_connection_t *connection, void *request, size_t size)
{
    static char message[RESPONSE_SIZE];
    struct qb_ipc_response_header *header = (struct qb_ipc_response_header *) message;

    header->id = ((struct qb_ipc_request_header *) request)->id;
    header->size = sizeof(message);
    return qb_ipcs_response_send(connection, message, sizeof(message)) < 0 ? -1 : 0;
}

static int32_t
add_job(enum qb_loop_priority priority, void *data, qb_loop_job_dispatch_fn job)
{
    return qb_loop_job_add(loop, priority, data, job);
}

static int32_t
add_descriptor(enum qb_loop_priority priority, int32_t descriptor, int32_t events, void *data,
               qb_ipcs_dispatch_fn_t callback)
{
    return qb_loop_poll_add(loop, priority, descriptor, events, data, callback);
}

static int32_t
change_descriptor(enum qb_loop_priority priority, int32_t descriptor, int32_t events, void *data,
                  qb_ipcs_dispatch_fn_t callback)
{
    return qb_loop_poll_mod(loop, priority, descriptor, events, data, callback);
}

static int32_t
remove_descriptor(int32_t descriptor)
{
    return qb_loop_poll_del(loop, descriptor);
}

static void
serve(int ready)
{
    struct qb_ipcs_service_handlers handlers = { .connection_accept = accept_anyone, .msg_process = respond };
    struct qb_ipcs_poll_handlers hooks = { add_job, add_descriptor, change_descriptor, remove_descriptor };
    qb_ipcs_service_t *service = qb_ipcs_create(name, 0, QB_IPC_SHM, &handlers);

    loop = qb_loop_create();
    qb_ipcs_poll_handlers_set(service, &hooks);
    if (qb_ipcs_run(service) < 0) {
        fail("libqb cannot serve %s", name);
    }
    tell_ready(ready);
    qb_loop_run(loop);
}

/* ---- Client ---- */

static void
call(qb_ipcc_connection_t *connection)
{
    static char request[REQUEST_SIZE];
    static char response[BUFFER_SIZE];
    struct qb_ipc_request_header *header = (struct qb_ipc_request_header *) request;
    struct iovec piece = { request, sizeof(request) };
    double start = now();

    header->id = 1;
    header->size = sizeof(request);
    if (qb_ipcc_sendv_recv(connection, &piece, 1, response, sizeof(response), PATIENCE_MS) != RESPONSE_SIZE) {
        fail("a request was not answered");
    }
    add_sample(now() - start);
}

int
main(int argc, char **argv)
{
    qb_ipcc_connection_t *connection;
    pid_t server;

    if (argc != 3 || atoi(argv[1]) <= 0) {
        fail("usage: bare-qb ROUNDS SECONDS");
    }
    max_rounds = atoi(argv[1]);
    max_seconds = atof(argv[2]);
    snprintf(name, sizeof(name), "bare-qb-%d", (int) getpid());
    server = start_child(serve);
    connection = qb_ipcc_connect(name, BUFFER_SIZE);
    if (connection == NULL) {
        fail("no connection to %s", name);
    }
    begin();
    while (samples.count < max_rounds && !time_is_up()) {
        call(connection);
    }
    report("bare-qb");
    qb_ipcc_disconnect(connection);
    report_child(server);
    return 0;
}
