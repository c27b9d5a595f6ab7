/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * NULL where upstream's library crashes: ours has to go on. Also the names that only ours has.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pcmk-remote-rs.h>

int
main(int argc, char **argv)
{
    lrmd_key_value_t *head = lrmd_key_value_add(NULL, NULL, NULL);

    assert(head != NULL && head->key == NULL && head->value == NULL && head->next == NULL);
    head = lrmd_key_value_add(head, "key", NULL);
    assert(strcmp(head->next->key, "key") == 0 && head->next->value == NULL);
    lrmd_key_value_freeall(head);
    assert(lrmd_copy_rsc_info(NULL) == NULL);

    assert(argc == 2);
    assert(strcmp(pcmk_remote_rs_version(), argv[1]) == 0);
    return EXIT_SUCCESS;
}
