/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sessions of the remote transport with certificates, both ends in this process. The environment names the files of the
 * client and server alike; JUDGE ("client" or "server") says which end has it as it is. The other end is this program's
 * own, without anything of Pacemaker's: it shows OTHER_CERT with OTHER_KEY, and is content with everybody. It offers the
 * version of TLS in OTHER_PRIORITIES. Prints what came of making the credentials, and of the handshake at the judge's end.
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

#include "log.h"

typedef struct tls_s tls_t;
extern int pcmk__init_tls(tls_t **tls, bool server, gnutls_credentials_type_t cred_type);
extern void pcmk__free_tls(tls_t *tls);
extern gnutls_session_t pcmk__new_tls_session(tls_t *tls, int csock);

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

int
main(void)
{
    bool server = strcmp(getenv("JUDGE"), "server") == 0;
    gnutls_certificate_credentials_t own;
    gnutls_session_t judge, other;
    tls_t *tls = NULL;
    int client_socket, server_socket, rc, judged = GNUTLS_E_AGAIN, shown = GNUTLS_E_AGAIN;

    alarm(30);
    show_log("judged");
    rc = pcmk__init_tls(&tls, server, GNUTLS_CRD_CERTIFICATE);
    printf("credentials %d\n", rc);
    if (rc != 0) {
        return 0;
    }
    join(&client_socket, &server_socket);
    judge = pcmk__new_tls_session(tls, server ? server_socket : client_socket);

    gnutls_certificate_allocate_credentials(&own);
    gnutls_certificate_set_x509_key_file(own, getenv("OTHER_CERT"), getenv("OTHER_KEY"), GNUTLS_X509_FMT_PEM);
    /* A certificate is shown whatever the authorities that the judge names. */
    gnutls_certificate_set_flags(own, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
    gnutls_init(&other, server ? GNUTLS_CLIENT : GNUTLS_SERVER);
    gnutls_priority_set_direct(other, getenv("OTHER_PRIORITIES"), NULL);
    gnutls_credentials_set(other, GNUTLS_CRD_CERTIFICATE, own);
    gnutls_transport_set_int(other, server ? client_socket : server_socket);
    if (!server) {
        gnutls_certificate_server_set_request(other, GNUTLS_CERT_REQUEST);
    }

    while (judged == GNUTLS_E_AGAIN || shown == GNUTLS_E_AGAIN) {
        if (judged == GNUTLS_E_AGAIN) {
            judged = gnutls_handshake(judge);
            if (judged < 0 && !gnutls_error_is_fatal(judged)) {
                judged = GNUTLS_E_AGAIN;
            }
        }
        if (shown == GNUTLS_E_AGAIN) {
            shown = gnutls_handshake(other);
        }
        if (judged < 0 && judged != GNUTLS_E_AGAIN) {
            break;
        }
    }
    printf("handshake %d\n", judged);
    gnutls_deinit(judge);
    gnutls_deinit(other);
    gnutls_certificate_free_credentials(own);
    pcmk__free_tls(tls);
    close(client_socket);
    close(server_socket);
    return 0;
}
