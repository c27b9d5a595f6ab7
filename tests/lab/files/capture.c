// SPDX-License-Identifier: LGPL-2.1-or-later
// Preloaded into daemons that use GnuTLS: records what they send and receive, in plain text.
// One record: "S|R|E|H|B seconds session peer length\n", length bytes, "\n".
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

typedef void *session_t;
static FILE *out;
static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

static void
note(session_t s, char what, const void *data, long len)
{
    static int (*get_int)(session_t);
    char peer[INET6_ADDRSTRLEN] = "?";
    struct sockaddr_storage ss;
    socklen_t sl = sizeof(ss);
    struct timeval tv;
    int saved = errno, fd;

    if (out == NULL) {
        char path[256];
        const char *dir = getenv("LAB_CAPTURE_DIR");

        if (dir == NULL) { return; }
        snprintf(path, sizeof(path), "%s/%s.%d.cap", dir, program_invocation_short_name,
                 (int) getpid());
        out = fopen(path, "ae");
        if (out == NULL) { errno = saved; return; }
    }
    if (get_int == NULL) { get_int = next("gnutls_transport_get_int"); }
    fd = get_int(s);
    if (getpeername(fd, (struct sockaddr *) &ss, &sl) == 0) {
        if (ss.ss_family == AF_INET) {
            inet_ntop(AF_INET, &((struct sockaddr_in *) &ss)->sin_addr, peer, sizeof(peer));
        } else if (ss.ss_family == AF_INET6) {
            inet_ntop(AF_INET6, &((struct sockaddr_in6 *) &ss)->sin6_addr, peer, sizeof(peer));
        }
    }
    gettimeofday(&tv, NULL);
    fprintf(out, "%c %ld.%06ld %p %s %ld\n", what, (long) tv.tv_sec, (long) tv.tv_usec, s,
            peer, len);
    if (len > 0) { fwrite(data, 1, len, out); }
    fputc('\n', out);
    fflush(out);
    errno = saved;
}

ssize_t
gnutls_record_send(session_t s, const void *data, size_t len)
{
    static ssize_t (*real)(session_t, const void *, size_t);
    ssize_t rc;

    if (real == NULL) { real = next("gnutls_record_send"); }
    rc = real(s, data, len);
    if (rc > 0) { note(s, 'S', data, rc); }
    return rc;
}

ssize_t
gnutls_record_recv(session_t s, void *data, size_t len)
{
    static ssize_t (*real)(session_t, void *, size_t);
    ssize_t rc;

    if (real == NULL) { real = next("gnutls_record_recv"); }
    rc = real(s, data, len);
    if (rc > 0) { note(s, 'R', data, rc); }
    else if (rc == 0) { note(s, 'E', NULL, 0); }
    return rc;
}

int
gnutls_handshake(session_t s)
{
    static int (*real)(session_t);
    static char *(*desc)(session_t);
    static void (**gfree)(void *);
    int rc;

    if (real == NULL) {
        real = next("gnutls_handshake");
        desc = next("gnutls_session_get_desc");
        gfree = next("gnutls_free");
    }
    rc = real(s);
    if (rc == 0) {
        char *text = desc(s), buf[256];
        int n = snprintf(buf, sizeof(buf), "%s", text ? text : "?");

        if (text != NULL && gfree != NULL && *gfree != NULL) { (*gfree)(text); }
        note(s, 'H', buf, n);
    }
    return rc;
}

int
gnutls_bye(session_t s, int how)
{
    static int (*real)(session_t, int);

    if (real == NULL) { real = next("gnutls_bye"); }
    note(s, 'B', NULL, 0);
    return real(s, how);
}
