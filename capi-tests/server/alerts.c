/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Alerts without an executor: this program plays the dispatcher and the main loop. Its arguments are an agent that writes
 * what it is told to the file that its parameter names, an agent that hangs, and that file. Prints what is answered and
 * what is in the file.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <dirent.h>
#include <glib.h>
#include <libxml/tree.h>

#include "../clients.h"

extern int process_lrmd_alert_exec(client_t *client, uint32_t id, xmlNode *request);
extern int execd_process_alert_exec(client_t *client, xmlNode *request);
extern void lrmd_drain_alerts(GMainLoop *mloop);

static GMainLoop *loop;

static xmlNode *
new_request(const char *id, const char *path, const char *timeout, const char *file)
{
    xmlDoc *document = xmlNewDoc((const xmlChar *) "1.0");
    xmlNode *request = xmlNewDocNode(document, NULL, (const xmlChar *) "lrmd_command", NULL);
    xmlNode *alert, *attributes;

    xmlDocSetRootElement(document, request);
    xmlSetProp(request, (const xmlChar *) "lrmd_op", (const xmlChar *) "lrmd_alert_exec");
    xmlSetProp(request, (const xmlChar *) "lrmd_callid", (const xmlChar *) "7");
    alert = xmlNewChild(xmlNewChild(request, NULL, (const xmlChar *) "lrmd_calldata", NULL), NULL,
                        (const xmlChar *) "lrmd_alert", NULL);
    xmlSetProp(alert, (const xmlChar *) "lrmd_alert_id", (const xmlChar *) id);
    if (path != NULL) {
        xmlSetProp(alert, (const xmlChar *) "lrmd_alert_path", (const xmlChar *) path);
    }
    xmlSetProp(alert, (const xmlChar *) "lrmd_timeout", (const xmlChar *) timeout);
    attributes = xmlNewChild(alert, NULL, (const xmlChar *) "attributes", NULL);
    xmlSetProp(attributes, (const xmlChar *) "CRM_alert_kind", (const xmlChar *) "node <&\">");
    xmlSetProp(attributes, (const xmlChar *) "file", (const xmlChar *) file);
    return request;
}

static int
threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    int count = 0;

    while (directory != NULL && readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count - 2;
}

static void
print_file(const char *name)
{
    char line[256];
    FILE *file = fopen(name, "r");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        printf("  %s", line);
    }
    if (file != NULL) {
        fclose(file);
    }
}

int
main(int argc, char **argv)
{
    client_t client = { .id = "a-client" }, nameless = { 0, };
    xmlNode *good, *hanging, *pathless;
    gint64 begun;

    if (argc != 4) {
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    loop = g_main_loop_new(NULL, FALSE);
    good = new_request("good", argv[1], "60000", argv[3]);
    hanging = new_request("hanging", argv[2], "200", argv[3]);
    pathless = new_request("pathless", NULL, "1", argv[3]);
    /* No alert yet: nothing to wait for, and alerts are still taken. */
    lrmd_drain_alerts(loop);
    printf("no client: %d, no id: %d, no request: %d, no path: %d %d\n",
           process_lrmd_alert_exec(NULL, 1, good) == -EINVAL, process_lrmd_alert_exec(&nameless, 1, good) == -EINVAL,
           process_lrmd_alert_exec(&client, 1, NULL) == -EINVAL,
           process_lrmd_alert_exec(&client, 1, pathless) == -EINVAL,
           execd_process_alert_exec(&client, pathless) == EINVAL);
    printf("started: %d\n", process_lrmd_alert_exec(&client, 1, good));
    printf("started: %d\n", execd_process_alert_exec(&client, hanging));
    /* The caller frees its request at once. */
    xmlFreeDoc(hanging->doc);
    printf("not before the loop runs\n");
    print_file(argv[3]);
    printf("threads: %d\n", threads());
    begun = g_get_monotonic_time();
    lrmd_drain_alerts(loop);
    printf("drained by the limit of the one that hangs: %d\n", g_get_monotonic_time() - begun >= 100000);
    print_file(argv[3]);
    printf("dropped: %d\n", process_lrmd_alert_exec(&client, 1, good));
    lrmd_drain_alerts(loop);
    print_file(argv[3]);
    xmlFreeDoc(good->doc);
    xmlFreeDoc(pathless->doc);
    g_main_loop_unref(loop);
    return 0;
}
