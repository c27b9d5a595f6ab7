/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bare-tls: what request and reply over OpenSSL with a pre-shared key cost when nothing is done with them, to hold
 * remote calls against. As with our peers, a message is two records, header and payload, that leave together.
 *
 *   bare-tls ROUNDS SECONDS
 *
 * Server and client are two processes; both run where the caller's affinity lets them. Prints one line of JSON, as
 * lrmd-bench does, with the server's CPU time of a round beside.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "child.h"
#include "samples.h"

/* About what get_rsc_info takes. */
enum { HEADER_SIZE = 40, REQUEST_SIZE = 300, REPLY_SIZE = 400, KEY_SIZE = 32, OUTPUT_SIZE = 65536 };

static const char identity[] = "bench";
static unsigned char bytes[OUTPUT_SIZE];
static int listener;

static unsigned int
fill_key(unsigned char *key)
{
    memset(key, 'k', KEY_SIZE);
    return KEY_SIZE;
}

static unsigned int
server_key(SSL *tls, const char *name, unsigned char *key, unsigned int room)
{
    return room < KEY_SIZE ? 0 : fill_key(key);
}

static unsigned int
client_key(SSL *tls, const char *hint, char *name, unsigned int name_room, unsigned char *key, unsigned int room)
{
    if (room < KEY_SIZE || name_room < sizeof(identity)) {
        return 0;
    }
    memcpy(name, identity, sizeof(identity));
    return fill_key(key);
}

/* TLS over a connected socket; what is written stays in a buffer until send_output(). */
static SSL *
new_tls(int descriptor, SSL_CTX *context)
{
    int on = 1;
    BIO *socket_end = BIO_new_socket(descriptor, BIO_CLOSE);
    BIO *output = BIO_new(BIO_f_buffer());
    SSL *tls = SSL_new(context);

    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    BIO_set_write_buffer_size(output, OUTPUT_SIZE);
    BIO_up_ref(socket_end);
    SSL_set0_rbio(tls, socket_end);
    SSL_set0_wbio(tls, BIO_push(output, socket_end));
    return tls;
}

static void
receive_exactly(SSL *tls, int size)
{
    for (int received = 0, count; received < size; received += count) {
        count = SSL_read(tls, bytes, size - received);
        if (count <= 0) {
            exit(3); /* the other side is gone */
        }
    }
}

static void
send_message(SSL *tls, int payload_size)
{
    if (SSL_write(tls, bytes, HEADER_SIZE) != HEADER_SIZE || SSL_write(tls, bytes, payload_size) != payload_size
        || BIO_flush(SSL_get_wbio(tls)) != 1) {
        exit(3);
    }
}

static void
serve(int ready)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL *tls;

    SSL_CTX_set_psk_server_callback(context, server_key);
    tell_ready(ready);
    tls = new_tls(accept(listener, NULL, NULL), context);
    if (SSL_accept(tls) != 1) {
        fail("the server's handshake failed");
    }
    for (;;) {
        receive_exactly(tls, HEADER_SIZE + REQUEST_SIZE);
        send_message(tls, REPLY_SIZE);
    }
}

static void
call(SSL *tls)
{
    double start = now();

    send_message(tls, REQUEST_SIZE);
    receive_exactly(tls, HEADER_SIZE + REPLY_SIZE);
    add_sample(now() - start);
}

int
main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    pid_t server;
    SSL *tls;

    if (argc != 3 || atoi(argv[1]) <= 0) {
        fail("usage: bare-tls ROUNDS SECONDS");
    }
    max_rounds = atoi(argv[1]);
    max_seconds = atof(argv[2]);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *) &address, length) < 0 || listen(listener, 1) < 0
        || getsockname(listener, (struct sockaddr *) &address, &length) < 0) {
        fail("no port to listen on");
    }
    server = start_child(serve);
    SSL_CTX_set_psk_client_callback(context, client_key);
    if (connect(descriptor, (struct sockaddr *) &address, length) < 0) {
        fail("no connection to the server");
    }
    tls = new_tls(descriptor, context);
    if (SSL_connect(tls) != 1) {
        fail("the client's handshake failed");
    }
    begin();
    while (samples.count < max_rounds && !time_is_up()) {
        call(tls);
    }
    report("bare-tls");
    report_child(server);
    return 0;
}
