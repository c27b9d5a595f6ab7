/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What goes wrong, and what the caller gets: no daemon, no key, another key, peers that misbehave, what the executor
 * refuses, arguments that are missing.
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "harness.h"

/* Peers that tests/capi_programs/peers.rs provides. */
enum peer {
    NOBODY = 4000,              /* nobody listens there */
    CLOSING,                    /* closes when it is connected to */
    CLOSING_LATER,              /* closes after the client's first bytes */
    OTHER_PROTOCOL,             /* answers with what is no TLS */
    REFUSING,                   /* refuses the protocol's version */
    NO_TOKEN,                   /* signs on without an id */
    OTHER_REPLY,                /* answers the sign-on as if something else had been asked */
    GOING,                      /* closes instead of answering */
    HALF,                       /* answers by half a message, then is silent */
    MUTE,                       /* never answers a request */
    NOISY,                      /* tells what nobody knows before each answer */
    NO_RESULT,                  /* answers without a result */
    NOT_XML,                    /* answers with what is no XML */
};

static bool failed;

/* Each case has a process of its own: upstream keeps the key that it has read. */
static void
apart(void (*run)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        alarm(DEADLINE_S);
        run();
        exit(0);
    }
    waitpid(child, &status, 0);
    if (status != 0) {
        printf("  the process ended with %d\n", status);
        failed = true;
    }
}

/* An attempt to connect that fails, with a connection of its own. */
static void
attempt(int to, int *fd)
{
    lrmd_t *lrmd = lrmd_remote_api_new(NODE, "127.0.0.1", to);

    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  connect: %d\n", lrmd->cmds->connect(lrmd, "program", fd));
    run_ready();
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
attempt_async(lrmd_t *lrmd)
{
    int before = seen[lrmd_event_connect];
    int rc;

    lrmd->cmds->set_callback(lrmd, print_event);
    rc = lrmd->cmds->connect_async(lrmd, "program", 2000);
    printf("  connect_async: %d\n", rc);
    if (rc == 0) {
        await(lrmd_event_connect, before + 1);
    }
    run_ready();
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
all_ways(int to)
{
    int fd = -1;

    printf(" connect\n");
    attempt(to, NULL);
    printf(" connect with a descriptor\n");
    attempt(to, &fd);
    printf(" connect_async\n");
    attempt_async(lrmd_remote_api_new(NODE, "127.0.0.1", to));
}

static void
nobody(void)
{
    all_ways(NOBODY);
}

static void
no_name(void)
{
    lrmd_t *lrmd = lrmd_remote_api_new(NODE, "no-such-host.invalid", port());

    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  connect: %d\n", lrmd->cmds->connect(lrmd, "program", NULL));
    lrmd_api_delete(lrmd);
    attempt_async(lrmd_remote_api_new(NODE, "no-such-host.invalid", port()));
}

static void
no_key(void)
{
    unsetenv("PCMK_authkey_location");
    all_ways(port());
}

static void
empty_key(void)
{
    char path[512];

    snprintf(path, sizeof(path), "%s", own_path("empty-key"));
    close(open(path, O_CREAT | O_WRONLY, 0600));
    setenv("PCMK_authkey_location", path, 1);
    all_ways(port());
}

static void
another_key(void)
{
    FILE *file = fopen(own_path("another-key"), "w");

    either_handshake_code = true;

    for (int i = 0; i < 128; i++) {
        fputc('x', file);
    }
    fclose(file);
    setenv("PCMK_authkey_location", own_path("another-key"), 1);
    all_ways(port());
}

static void
closing(void)
{
    either_handshake_code = true;
    all_ways(CLOSING);
}

static void
closing_later(void)
{
    either_handshake_code = true;
    all_ways(CLOSING_LATER);
}

static void
other_protocol(void)
{
    either_handshake_code = true;
    all_ways(OTHER_PROTOCOL);
}

static void
refusing(void)
{
    all_ways(REFUSING);
}

static void
no_token(void)
{
    all_ways(NO_TOKEN);
}

static void
other_reply(void)
{
    int fd = -1;

    attempt(OTHER_REPLY, NULL);
    attempt(OTHER_REPLY, &fd);
    /* Upstream's connect_async of 3.0 waits for ever. */
}

/* A request to a peer that signs on and then misbehaves. */
static void
ask(int to)
{
    lrmd_t *lrmd = lrmd_remote_api_new(NODE, "127.0.0.1", to);
    GList *operations = NULL;
    int rc;

    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  connect: %d\n", lrmd->cmds->connect(lrmd, "program", NULL));
    rc = lrmd->cmds->get_recurring_ops(lrmd, "r", to == HALF || to == MUTE ? 500 : 5000, 0, &operations);
    if (to == NOT_XML && (rc == -ETIME || rc == -ENOMSG)) {
        /* Upstream's choice is a matter of time. */
        printf("  request: %d or %d\n", -ETIME, -ENOMSG);
    } else {
        printf("  request: %d\n", rc);
    }
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    run_ready();
    printf("  next: %d\n", lrmd->cmds->unregister_rsc(lrmd, "r", 0));
    run_ready();
    printf("  delete\n");
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
going(void)
{
    lrmd_t *lrmd;

    ask(GOING);
    printf("  when nothing is asked for:\n");
    lrmd = lrmd_remote_api_new(NODE, "127.0.0.1", GOING);
    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  connect: %d\n", lrmd->cmds->connect(lrmd, "program", NULL));
    /* It is told by this to go. */
    printf("  poke: %d\n", lrmd->cmds->poke_connection(lrmd));
    await_next(lrmd_event_disconnect);
    printf("  is_connected: %d\n", lrmd->cmds->is_connected(lrmd));
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
half(void)
{
    ask(HALF);
}

static void
mute(void)
{
    ask(MUTE);
}

static void
noisy(void)
{
    ask(NOISY);
}

static void
no_result(void)
{
    ask(NO_RESULT);
}

static void
not_xml(void)
{
    ask(NOT_XML);
}

static void
refusals(const char *transport)
{
    lrmd_t *lrmd = connected(transport, NULL);
    lrmd_api_operations_t *cmds = lrmd->cmds;
    lrmd_rsc_info_t *info;

    printf(" unknown resources\n");
    printf("  unregister: %d\n", cmds->unregister_rsc(lrmd, "unknown", 0));
    printf("  exec: %d\n", cmds->exec(lrmd, "unknown", "start", NULL, 0, 20000, 0, 0, NULL));
    printf("  cancel: %d\n", cmds->cancel(lrmd, "unknown", "monitor", 1000));
    add_resource(lrmd, "r");
    printf("  cancel of what is not there: %d\n", cmds->cancel(lrmd, "r", "monitor", 1000));
    printf("  exec of an unknown action: %s\n",
           cmds->exec(lrmd, "r", "unknown", NULL, 0, 20000, 0, 0, NULL) > 0 ? "a call id" : "refused");
    printf("  exec_alert of no program: %d\n", cmds->exec_alert(lrmd, "id", "/nowhere", 20000, NULL));

    printf(" missing arguments\n");
    printf("  register_rsc without an id: %d\n", cmds->register_rsc(lrmd, NULL, "ocf", "test", "Script", 0));
    printf("  without a standard: %d\n", cmds->register_rsc(lrmd, "x", NULL, "test", "Script", 0));
    printf("  without a provider: %d\n", cmds->register_rsc(lrmd, "x", "ocf", NULL, "Script", 0));
    printf("  without an agent: %d\n", cmds->register_rsc(lrmd, "x", "ocf", "test", NULL, 0));
    printf("  with an unknown standard: %d\n", cmds->register_rsc(lrmd, "x", "unknown", NULL, "Script", 0));
    printf("  unregister of it: %d\n", cmds->unregister_rsc(lrmd, "x", 0));
    info = cmds->get_rsc_info(lrmd, NULL, 0);
    printf("  get_rsc_info without an id: %s\n", info == NULL ? "NULL" : "something");
    printf("  unregister without an id: %d\n", cmds->unregister_rsc(lrmd, NULL, 0));
    printf("  exec without an id: %d\n", cmds->exec(lrmd, NULL, "start", NULL, 0, 20000, 0, 0, NULL));
    if (getenv("TEST_OURS") != NULL) {
        /* These end upstream's daemon. */
        printf("  exec without an action: %d\n", cmds->exec(lrmd, "r", NULL, NULL, 0, 20000, 0, 0, NULL));
        printf("  cancel without an id: %d\n", cmds->cancel(lrmd, NULL, "monitor", 1000));
        printf("  cancel without an action: %d\n", cmds->cancel(lrmd, "r", NULL, 1000));
    }
    printf("  get_recurring_ops without output: %d\n", cmds->get_recurring_ops(lrmd, "r", 0, 0, NULL));
    printf("  still connected: %d\n", cmds->is_connected(lrmd));
    cmds->unregister_rsc(lrmd, "r", 0);
    lrmd_api_delete(lrmd);
    run_ready();
}

static void
refusals_tls(void)
{
    refusals("tls");
}

static void
refusals_local(void)
{
    refusals("local");
}

/* A connection without a name is one, but gets no events. */
static void
nameless(void)
{
    lrmd_t *lrmd = connection("tls");

    lrmd->cmds->set_callback(lrmd, print_event);
    printf("  connect: %d\n", lrmd->cmds->connect(lrmd, NULL, NULL));
    add_resource(lrmd, "r");
    printf("  unregister: %d\n", lrmd->cmds->unregister_rsc(lrmd, "r", 0));
    run_ready();
    printf("  delete\n");
    lrmd_api_delete(lrmd);
    run_ready();
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {
        { "nobody listens", nobody },
        { "a name without an address", no_name },
        { "no key", no_key },
        { "an empty key", empty_key },
        { "another key", another_key },
        { "a peer that closes at once", closing },
        { "a peer that closes in the handshake", closing_later },
        { "a peer that speaks something else", other_protocol },
        { "a version that is refused", refusing },
        { "a sign-on without an id", no_token },
        { "a sign-on that is none", other_reply },
        { "a peer that goes", going },
        { "half a message", half },
        { "no answer", mute },
        { "unknown messages before the answer", noisy },
        { "an answer without a result", no_result },
        { "an answer that is no XML", not_xml },
        { "refusals, tls", refusals_tls },
        { "refusals, local", refusals_local },
        { "no name", nameless },
    };

    begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (argc > 1 && strcmp(argv[1], cases[i].name) != 0) {
            continue;
        }
        printf("%s\n", cases[i].name);
        apart(cases[i].run);
    }
    return failed;
}
