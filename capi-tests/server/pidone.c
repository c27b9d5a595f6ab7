/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A remote daemon as the first process of a container, with nothing but remoted_spawn_pidone(). Prints what the daemon
 * sees, and ends with 7. With a definition of its own (-DOWN) this program's is called.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;
/* With the third argument that callers up to 3.0.1 hand over. */
extern void remoted_spawn_pidone(int argc, char **argv, char **envp);

#ifdef OWN
void
remoted_spawn_pidone(int argc, char **argv, char **envp)
{
    printf("the program's own: %d %d %d\n", argc, argv != NULL, envp == environ);
}
#endif

static const char *
variable(const char *name)
{
    const char *value = getenv(name);

    return value == NULL ? "none" : value;
}

static void
read_parent(char *name, int size)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int) getppid());
    file = fopen(path, "r");
    if (file == NULL || fgets(name, size, file) == NULL) {
        snprintf(name, size, "none");
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* What the parent is called. It takes its name beside the daemon that runs already, so that the name is waited for. */
static void
print_parent(const char *self)
{
    char name[256];
    int tries;

    read_parent(name, sizeof(name));
    for (tries = 0; tries < 5000 && strcmp(name, self) == 0; tries++) {
        usleep(1000);
        read_parent(name, sizeof(name));
    }
    printf("parent: %s\n", name);
}

int
main(int argc, char **argv)
{
    char self[256];
    sigset_t mask;

    snprintf(self, sizeof(self), "%s", argv[0]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    remoted_spawn_pidone(argc, argv, environ);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    printf("first: %d, leads a session: %d, SIGTERM blocked: %d\n", getpid() == 1, getsid(0) == getpid(),
           sigismember(&mask, SIGTERM));
    print_parent(self);
    printf("port %s, log %s, kept %s\n", variable("PCMK_remote_port"), variable("PCMK_logfile"), variable("KEPT"));
    return 7;
}
