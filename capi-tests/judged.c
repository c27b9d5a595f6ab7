/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sessions of the remote transport with certificates, both ends in this process. A line on standard input is a trial:
 *
 *   JUDGE OWN-CERT OWN-KEY CA CRL CERT KEY PRIORITIES
 *
 * JUDGE ("client" or "server") is the end that is the library's, which shows OWN-CERT and judges with CA and CRL ("-":
 * none). The other end is this program's own, without anything of Pacemaker's: it shows CERT
 * with KEY, is content with everybody, and offers PRIORITIES. Prints what came of making the credentials, and of the
 * handshake at the judge's end, with the alert that the other end was told.
 *
 * With KEEP in the environment the credentials of the first trial serve them all, as in a long-lived program. Its sessions
 * stay, and it is told of each trial whether they still work, and which certificate the library's end has shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "log.h"
#include "variables.h"

typedef struct tls_s tls_t;
extern int pcmk__init_tls(tls_t **tls, bool server, gnutls_credentials_type_t cred_type);
extern void pcmk__free_tls(tls_t *tls);
extern gnutls_session_t pcmk__new_tls_session(tls_t *tls, int csock);
extern void pcmk__tls_check_cert_expiration(gnutls_session_t session);

static void
join(int *client, int *server)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    bind(listener, (struct sockaddr *) &address, sizeof(address));
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *) &address, &length);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(*client, (struct sockaddr *) &address, sizeof(address)) != 0) {
        perror("connect");
        exit(2);
    }
    *server = accept(listener, NULL, NULL);
    close(listener);
    fcntl(*client, F_SETFL, O_NONBLOCK);
    fcntl(*server, F_SETFL, O_NONBLOCK);
}

/* The two ends of a trial. */
typedef struct {
    gnutls_session_t judge, other;
    int judge_socket, other_socket;
} pair_t;

static gnutls_certificate_credentials_t
shown_by_other(const char *cert, const char *key)
{
    gnutls_certificate_credentials_t own;

    gnutls_certificate_allocate_credentials(&own);
    gnutls_certificate_set_x509_key_file(own, cert, key, GNUTLS_X509_FMT_PEM);
    /* A certificate is shown whatever the authorities that the judge names. */
    gnutls_certificate_set_flags(own, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
    return own;
}

static void
start(pair_t *pair, tls_t *tls, bool server, gnutls_certificate_credentials_t own, const char *priorities)
{
    int client, accepted;

    join(&client, &accepted);
    pair->judge_socket = server ? accepted : client;
    pair->other_socket = server ? client : accepted;
    pair->judge = pcmk__new_tls_session(tls, pair->judge_socket);
    gnutls_init(&pair->other, server ? GNUTLS_CLIENT : GNUTLS_SERVER);
    gnutls_priority_set_direct(pair->other, priorities, NULL);
    gnutls_credentials_set(pair->other, GNUTLS_CRD_CERTIFICATE, own);
    gnutls_transport_set_int(pair->other, pair->other_socket);
    if (!server) {
        gnutls_certificate_server_set_request(pair->other, GNUTLS_CERT_REQUEST);
    }
}

static void
end(pair_t *pair)
{
    gnutls_deinit(pair->judge);
    gnutls_deinit(pair->other);
    close(pair->judge_socket);
    close(pair->other_socket);
}

static int
step(gnutls_session_t session, int before)
{
    int rc = before == GNUTLS_E_AGAIN ? gnutls_handshake(session) : before;

    return rc < 0 && !gnutls_error_is_fatal(rc) ? GNUTLS_E_AGAIN : rc;
}

/* The handshake; what the judge's end answers. ALERT is what the other end was told, or -1. */
static int
shake_hands(pair_t *pair, int *alert)
{
    int judged = GNUTLS_E_AGAIN, shown = GNUTLS_E_AGAIN;
    char byte;

    *alert = -1;
    while (judged == GNUTLS_E_AGAIN) {
        judged = step(pair->judge, judged);
        shown = step(pair->other, shown);
        if (shown < 0 && shown != GNUTLS_E_AGAIN) {
            /* It has given up without a word. */
            shutdown(pair->other_socket, SHUT_WR);
        }
    }
    if (judged < 0) {
        shutdown(pair->judge_socket, SHUT_WR);
        while (shown == GNUTLS_E_AGAIN) {
            shown = step(pair->other, shown);
        }
        /* At TLS 1.3 a client has finished by now. */
        if (shown == 0) {
            shown = (int) gnutls_record_recv(pair->other, &byte, 1);
        }
        *alert = shown == GNUTLS_E_FATAL_ALERT_RECEIVED ? (int) gnutls_alert_get(pair->other) : -1;
    }
    while (judged == 0 && shown == GNUTLS_E_AGAIN) {
        shown = step(pair->other, shown);
    }
    return judged;
}

/* Does a session that was made long ago still carry data? */
static bool
works(const pair_t *pair)
{
    char byte = 0;
    ssize_t got = GNUTLS_E_AGAIN;

    /* What it has shown must be there, too. */
    pcmk__tls_check_cert_expiration(pair->judge);
    if (gnutls_record_send(pair->judge, "x", 1) != 1) {
        return false;
    }
    while (got == GNUTLS_E_AGAIN) {
        got = gnutls_record_recv(pair->other, &byte, 1);
    }
    return got == 1 && byte == 'x';
}

/* Prints the subject of what the library's end has shown. */
static void
print_shown(gnutls_session_t other)
{
    unsigned int count = 0;
    const gnutls_datum_t *first = gnutls_certificate_get_peers(other, &count);
    gnutls_x509_crt_t certificate;
    char subject[200];
    size_t size = sizeof(subject);

    if (first == NULL || gnutls_x509_crt_init(&certificate) != 0) {
        printf(" nothing");
        return;
    }
    if (gnutls_x509_crt_import(certificate, first, GNUTLS_X509_FMT_DER) == 0
        && gnutls_x509_crt_get_dn(certificate, subject, &size) == 0) {
        printf(" %s of %u", subject, count);
    }
    gnutls_x509_crt_deinit(certificate);
}

int
main(void)
{
    static const char *const variables[] = { "PCMK_cert_file", "PCMK_key_file", "PCMK_ca_file", "PCMK_crl_file" };
    static char judge[10], own[4][300], cert[300], key[300], priorities[100];
    bool keep = getenv("KEEP") != NULL;
    gnutls_certificate_credentials_t first_shown = NULL;
    pair_t first = { 0 };
    tls_t *tls = NULL;

    show_log("judged");
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (scanf("%9s %299s %299s %299s %299s %299s %299s %99s", judge, own[0], own[1], own[2], own[3], cert, key,
                 priorities) == 8) {
        bool server = strcmp(judge, "server") == 0;
        gnutls_certificate_credentials_t shown;
        pair_t pair;
        int rc = 0, alert;

        alarm(30);
        for (int i = 0; i < 4; i++) {
            name_file(variables[i], own[i]);
        }
        if (tls == NULL) {
            rc = pcmk__init_tls(&tls, server, GNUTLS_CRD_CERTIFICATE);
        }
        printf("credentials %d", rc);
        if (rc != 0) {
            printf("\n");
            continue;
        }
        shown = shown_by_other(cert, key);
        start(&pair, tls, server, shown, priorities);
        printf(" handshake %d", shake_hands(&pair, &alert));
        printf(" alert %d", alert);
        if (keep) {
            print_shown(pair.other);
        }
        if (keep && first.judge == NULL) {
            first = pair;
            first_shown = shown;
        } else {
            end(&pair);
            gnutls_certificate_free_credentials(shown);
        }
        if (keep) {
            printf(" standing %s", works(&first) ? "works" : "fails");
        } else {
            pcmk__free_tls(tls);
            tls = NULL;
        }
        printf("\n");
    }
    if (first.judge != NULL) {
        end(&first);
        gnutls_certificate_free_credentials(first_shown);
    }
    pcmk__free_tls(tls);
    return 0;
}
