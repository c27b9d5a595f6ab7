/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Metadata of this node's agents while a main loop runs. Prints the same with upstream's liblrmd and with ours.
 * The agents are those of tests/capi/agents.rs.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <glib.h>
#include <crm/lrmd.h>

typedef struct {
    int exit_status;
    int execution_status;
    char *exit_reason;
    char *action_stdout;
    char *action_stderr;
} result_t;

extern int lrmd__metadata_async(lrmd_rsc_info_t *rsc, void (*callback)(int pid, const result_t *result, void *user_data),
                                void *user_data);

/* Agents that cannot run. */
static const char *unfit[] = { "directory", "plain", "interpreter", "crlf", "dangling" };

static GMainLoop *loop;
static int calls;

static const char *
text(const char *string)
{
    return string == NULL ? "-" : string;
}

static void
answer(int pid, const result_t *result, void *user_data)
{
    calls++;
    if (user_data == NULL) {
        printf("  rc %d status %d\n", result->exit_status, result->execution_status);
        return;
    }
    printf("  %s: rc %d status %d%s%s\n  stdout: %s\n  stderr: %s\n", (const char *) user_data, result->exit_status,
           result->execution_status, result->exit_reason == NULL ? "" : " with a reason", pid == 0 ? "" : " from a process",
           text(result->action_stdout), text(result->action_stderr));
    if (loop != NULL) {
        g_main_loop_quit(loop);
    }
}

static gboolean
turn(gpointer turns)
{
    (*(int *) turns)++;
    return TRUE;
}

static void
ask(const char *standard, const char *provider, const char *type)
{
    lrmd_rsc_info_t *rsc = lrmd_new_rsc_info("rsc", standard, provider, type);
    int turns = 0, before = calls, rc;
    guint ticks = g_timeout_add(1, turn, &turns);

    printf("%s:%s:%s\n", text(standard), text(provider), text(type));
    rc = lrmd__metadata_async(rsc, answer, "answer");
    /* The description is the caller's again. */
    lrmd_free_rsc_info(rsc);
    if (calls == before) {
        loop = g_main_loop_new(NULL, FALSE);
        g_main_loop_run(loop);
        g_main_loop_unref(loop);
        loop = NULL;
        printf("  the main loop went on: %s\n", turns > 0 ? "yes" : "no");
    }
    g_source_remove(ticks);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    printf("  returned %d after %d answer\n", rc, calls - before);
}

/* Whether the answer comes at once, and what else it says, is up to the library. */
static void
ask_unfit(const char *standard, const char *provider, const char *type)
{
    lrmd_rsc_info_t *rsc = lrmd_new_rsc_info("rsc", standard, provider, type);
    int before = calls, rc;

    printf("%s:%s:%s\n", standard, text(provider), type);
    rc = lrmd__metadata_async(rsc, answer, NULL);
    lrmd_free_rsc_info(rsc);
    while (calls == before) {
        g_main_context_iteration(NULL, TRUE);
    }
    printf("  returned %d\n", rc);
}

int
main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 4) {
        ask(argv[1], argv[2], argv[3]);
        return 0;
    }
    printf("without a callback: %d\n", lrmd__metadata_async(NULL, NULL, NULL));
    printf("without a resource: %d\n", lrmd__metadata_async(NULL, answer, "answer"));
    ask(NULL, NULL, "Dummy");
    ask("ocf", "heartbeat", NULL);
    ask("ocf", "heartbeat", "Dummy");
    ask("ocf", "heartbeat", "nobody's");
    ask("ocf", NULL, "Dummy");
    ask("ocf", "Acme", "fails");
    ask("ocf", "Acme", "silent");
    ask("ocf", "Acme", "killed");
    ask("bogus", NULL, "Dummy");
    ask("stonith", NULL, "fence_acme");
    ask("stonith", NULL, "fence_fails");
    ask("stonith", NULL, "fence_nobody");
    for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
        char fence[100];

        ask_unfit("ocf", "unfit", unfit[i]);
        snprintf(fence, sizeof(fence), "fence_unfit_%s", unfit[i]);
        ask_unfit("stonith", NULL, fence);
    }
    return 0;
}
