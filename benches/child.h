/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The server of bare-qb.c and bare-tls.c: a child process that ends with its parent, and its CPU time.
 */
#ifndef CHILD_H
#define CHILD_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

/* Forks a process that runs `serve`, and waits until that has called tell_ready(). */
static pid_t
start_child(void (*serve)(int ready))
{
    int ends[2];
    char byte;
    pid_t child;

    if (pipe(ends) < 0 || (child = fork()) < 0) {
        fail("no process for the server");
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        serve(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    if (read(ends[0], &byte, 1) != 1) {
        fail("the server did not start");
    }
    close(ends[0]);
    return child;
}

static void
tell_ready(int ready)
{
    if (write(ready, "", 1) != 1) {
        _exit(2);
    }
    close(ready);
}

/* Ends the server and prints its CPU time by the rounds of the last report. */
static void
report_child(pid_t child)
{
    struct rusage usage;

    kill(child, SIGKILL);
    if (wait4(child, NULL, 0, &usage) != child) {
        fail("the server is gone");
    }
    printf("{\"name\":\"server\",\"cpu_us\":%.3f}\n",
           ((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
           / samples.count);
}

#endif
