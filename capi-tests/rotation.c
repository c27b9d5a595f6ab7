/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A long-lived program whose certificates change under it. TEST_CASES names a file whose lines are
 *
 *   NAME CERT KEY CA
 *
 * Each word is the path of a file that takes the place of the program's own, "-" to leave that as it is, or "gone" to
 * remove it. After each line it connects, and asks over the connection that the first line made. A line of output for
 * each: NAME RESULT RESULT-OF-THE-STANDING-ONE.
 */
#include <stdio.h>

#include "harness.h"

static const char *const VARIABLES[] = { "PCMK_cert_file", "PCMK_key_file", "PCMK_ca_file" };
static const char *const FILES[] = { "/run/own-cert.pem", "/run/own-key.pem", "/run/own-ca.pem" };

/* A new file is renamed over the old one, as most programs do it. */
static void
put(const char *from, const char *to)
{
    gchar *data = NULL;
    gsize length = 0;
    GError *error = NULL;

    if (strcmp(from, "gone") == 0) {
        unlink(to);
    } else if (strcmp(from, "-") != 0
               && !(g_file_get_contents(from, &data, &length, &error)
                    && g_file_set_contents(to, data, (gssize) length, &error))) {
        fprintf(stderr, "%s\n", error->message);
        exit(2);
    }
    g_free(data);
}

int
main(void)
{
    static char name[100], words[3][300];
    FILE *cases = fopen(setting("TEST_CASES"), "r");
    lrmd_t *standing = NULL;

    begin();
    for (int i = 0; i < 3; i++) {
        setenv(VARIABLES[i], FILES[i], 1);
    }
    while (cases != NULL && fscanf(cases, "%99s %299s %299s %299s", name, words[0], words[1], words[2]) == 4) {
        lrmd_t *lrmd = lrmd_remote_api_new(NODE, "127.0.0.1", port());
        int rc;

        for (int i = 0; i < 3; i++) {
            put(words[i], FILES[i]);
        }
        alarm(DEADLINE_S);
        rc = lrmd->cmds->connect(lrmd, name, NULL);
        if (standing == NULL) {
            standing = lrmd;
        } else {
            lrmd->cmds->disconnect(lrmd);
            lrmd_api_delete(lrmd);
        }
        printf("%s %d %d\n", name, rc, standing->cmds->poke_connection(standing));
    }
    lrmd_api_delete(standing);
    return 0;
}
