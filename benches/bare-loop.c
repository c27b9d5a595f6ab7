/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bare-loop: what a loop of posix_spawn and wait reaches with an agent, to hold an executor against.
 *
 *   bare-loop SECONDS IN_FLIGHT AGENT
 *
 * Runs "AGENT monitor", IN_FLIGHT at any time, and prints one line of JSON, as lrmd-bench does.
 */
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

extern char **environ;

static void
spawn_agent(char *path)
{
    char *arguments[] = { path, "monitor", NULL };
    pid_t child;
    int rc = posix_spawn(&child, path, NULL, NULL, arguments, environ);

    if (rc != 0) {
        fail("posix_spawn %s: %s", path, strerror(rc));
    }
}

int
main(int argc, char **argv)
{
    int in_flight;
    double start;

    if (argc != 4 || atoi(argv[2]) <= 0) {
        fail("usage: bare-loop SECONDS IN_FLIGHT AGENT");
    }
    max_seconds = atof(argv[1]);
    in_flight = atoi(argv[2]);
    begin();
    for (int slot = 0; slot < in_flight; slot++) {
        spawn_agent(argv[3]);
    }
    start = now();
    while (in_flight > 0 && wait(NULL) > 0) {
        add_sample(now() - start);
        start = now();
        if (samples.count >= max_rounds || time_is_up()) {
            in_flight--;
        } else {
            spawn_agent(argv[3]);
        }
    }
    report("bare");
    return 0;
}
