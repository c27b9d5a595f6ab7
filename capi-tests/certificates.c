/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Connections with certificates: who is accepted, and what the caller gets. TEST_CASES names a file whose lines are
 *
 *   NAME CERT KEY CA CRL PRIORITIES WAYS
 *
 * with paths ("-" for none), and "waited" or "both" for the ways to connect. Each case has a process of its own, since
 * upstream keeps what it has read. A line of output for each way: NAME WAY RESULT, then the events in their order.
 * What the library logs goes to standard error.
 */
#include <sys/wait.h>

#include "harness.h"
#include "log.h"
#include "variables.h"

/* How long an event is waited for that may never come: upstream has none after a refusal at TLS 1.3. */
#define PATIENCE_MS 3000

static GString *events;

static void
note_event(lrmd_event_data_t *event)
{
    seen[event->type]++;
    g_string_append_printf(events, " %s", kind(event->type));
    if (event->type == lrmd_event_connect) {
        g_string_append_printf(events, "=%d", event->connection_rc);
    }
}

static gboolean
wake(gpointer data)
{
    *(bool *) data = true;
    return G_SOURCE_REMOVE;
}

/* Runs the main loop until a connect event has come, or patience is at its end. */
static void
await_patiently(void)
{
    bool late = false;

    g_timeout_add(PATIENCE_MS, wake, &late);
    while (!late && seen[lrmd_event_connect] == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    run_ready();
}

static void
try(const char *name, bool waited)
{
    lrmd_t *lrmd = lrmd_remote_api_new(NODE, "127.0.0.1", port());
    int rc;

    events = g_string_new("");
    memset(seen, 0, sizeof(seen));
    lrmd->cmds->set_callback(lrmd, note_event);
    if (waited) {
        rc = lrmd->cmds->connect(lrmd, "program", NULL);
        run_ready();
    } else {
        rc = lrmd->cmds->connect_async(lrmd, "program", 5000);
        if (rc == 0) {
            await_patiently();
        }
    }
    printf("%s %s %d%s\n", name, waited ? "waited" : "async", rc, events->str);
    lrmd_api_delete(lrmd);
    g_string_free(events, TRUE);
}

int
main(void)
{
    static char name[100], cert[300], key[300], ca[300], crl[300], priorities[200], ways[20];
    FILE *cases = fopen(setting("TEST_CASES"), "r");
    bool failed = (cases == NULL);

    begin();
    show_log("certificates");
    while (!failed && fscanf(cases, "%99s %299s %299s %299s %299s %199s %19s", name, cert, key, ca, crl, priorities,
                             ways) == 7) {
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
            alarm(DEADLINE_S);
            name_file("PCMK_cert_file", cert);
            name_file("PCMK_key_file", key);
            name_file("PCMK_ca_file", ca);
            name_file("PCMK_crl_file", crl);
            setenv("PCMK_tls_priorities", priorities, 1);
            try(name, true);
            if (strcmp(ways, "both") == 0) {
                try(name, false);
            }
            /* Not exit(), which sets back the place in the file that the parent reads. */
            fflush(stdout);
            _exit(0);
        }
        alarm(DEADLINE_S);
        waitpid(child, &status, 0);
        failed = (status != 0);
    }
    return failed ? 1 : 0;
}
