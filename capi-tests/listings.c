/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The lists of this node's agents and their metadata, through the table of operations. Prints the same with upstream's
 * liblrmd and with ours. The agents are those of tests/capi/agents.rs.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <crm/lrmd.h>

static const char *unfit[] = { "directory", "plain", "interpreter", "crlf", "dangling" };

static const char *
text(const char *string)
{
    return string == NULL ? "-" : string;
}

static void
print_list(const char *title, int count, lrmd_list_t *list)
{
    printf("%s: %d\n", title, count);
    for (lrmd_list_t *place = list; place != NULL; place = place->next) {
        printf("  %s\n", place->val);
    }
    lrmd_list_freeall(list);
}

static void
agents(lrmd_t *lrmd, const char *standard, const char *provider)
{
    lrmd_list_t *list = NULL;
    char title[100];
    int count = lrmd->cmds->list_agents(lrmd, &list, standard, provider);

    snprintf(title, sizeof(title), "agents of %s %s", text(standard), text(provider));
    print_list(title, count, list);
}

static void
providers(lrmd_t *lrmd, const char *agent)
{
    lrmd_list_t *list = NULL;
    char title[100];
    int count = lrmd->cmds->list_ocf_providers(lrmd, agent, &list);

    snprintf(title, sizeof(title), "providers of %s", text(agent));
    print_list(title, count, list);
}

static void
metadata(lrmd_t *lrmd, const char *standard, const char *provider, const char *type, lrmd_key_value_t *params)
{
    char *output = NULL;
    int rc = lrmd->cmds->get_metadata_params(lrmd, standard, provider, type, &output, 0, params);

    printf("metadata of %s:%s:%s: %d\n%s\n", text(standard), text(provider), text(type), rc, text(output));
    free(output);
}

/* Upstream lays the XML of a fence agent out anew. */
static void
fence_metadata(lrmd_t *lrmd, const char *type)
{
    char *output = NULL;
    int rc = lrmd->cmds->get_metadata(lrmd, "stonith", NULL, type, &output, 0);
    const char *place = output == NULL ? "-" : output;

    printf("metadata of %s: %d\n", type, rc);
    if (strncmp(place, "<?xml", 5) == 0) {
        place = strchr(place, '>') + 1;
    }
    for (; *place != 0; place++) {
        if (!isspace((unsigned char) *place)) {
            putchar(*place);
        }
    }
    putchar('\n');
    free(output);
}

int
main(void)
{
    lrmd_t *lrmd = lrmd_api_new();
    lrmd_list_t *list = NULL;
    lrmd_key_value_t *params = NULL;
    char *output = NULL;
    int count;

    setvbuf(stdout, NULL, _IOLBF, 0);
    count = lrmd->cmds->list_standards(lrmd, &list);
    print_list("standards", count, list);

    providers(lrmd, NULL);
    providers(lrmd, "DUMMY");
    providers(lrmd, "nobody's");

    agents(lrmd, NULL, NULL);
    agents(lrmd, "ocf", NULL);
    agents(lrmd, "OCF", "Acme");
    agents(lrmd, "ocf", "nobody");
    agents(lrmd, "lsb", NULL);
    agents(lrmd, "service", NULL);
    agents(lrmd, "systemd", NULL);
    agents(lrmd, "Stonith", NULL);
    agents(lrmd, "nagios", NULL);
    agents(lrmd, "bogus", NULL);

    /* A list goes on where it was. */
    list = NULL;
    count = lrmd->cmds->list_agents(lrmd, &list, "ocf", "Acme");
    count += lrmd->cmds->list_agents(lrmd, &list, "lsb", NULL);
    print_list("both", count, list);

    params = lrmd_key_value_add(NULL, "shown", "1");
    lrmd_key_value_add(params, "shown", "2");
    metadata(lrmd, "ocf", "heartbeat", "Dummy", params);
    metadata(lrmd, "ocf", "Acme", "fails", NULL);
    metadata(lrmd, "ocf", "Acme", "silent", NULL);
    metadata(lrmd, "ocf", "Acme", "nobody's", lrmd_key_value_add(NULL, "a", "b"));
    metadata(lrmd, "ocf", NULL, "Dummy", NULL);
    metadata(lrmd, NULL, NULL, "Dummy", lrmd_key_value_add(NULL, "a", "b"));
    metadata(lrmd, "lsb", NULL, NULL, lrmd_key_value_add(NULL, "a", "b"));
    metadata(lrmd, "lsb", NULL, "mail", lrmd_key_value_add(NULL, "a", "b"));
    metadata(lrmd, "service", "ignored", "mail", NULL);
    metadata(lrmd, "lsb", NULL, "nobody's", NULL);
    metadata(lrmd, "bogus", NULL, "mail", NULL);
    metadata(lrmd, "stonith", NULL, "fence_nobody", lrmd_key_value_add(NULL, "a", "b"));
    fence_metadata(lrmd, "fence_acme");
    fence_metadata(lrmd, "fence_fails");

    /* Agents that are there and cannot run. */
    for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
        char fence[100];

        metadata(lrmd, "ocf", "unfit", unfit[i], NULL);
        snprintf(fence, sizeof(fence), "fence_unfit_%s", unfit[i]);
        fence_metadata(lrmd, fence);
    }

    printf("without parameters: %d\n", lrmd->cmds->get_metadata(lrmd, "ocf", "heartbeat", "Dummy", &output, 0));
    printf("%s\n", text(output));
    free(output);
    lrmd_api_delete(lrmd);
    return 0;
}
