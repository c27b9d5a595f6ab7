/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Variables of the environment that name files.
 */
#ifndef VARIABLES_H
#define VARIABLES_H

#include <stdlib.h>
#include <string.h>

/* "-" stands for none. */
static inline void
name_file(const char *variable, const char *path)
{
    if (strcmp(path, "-") == 0) {
        unsetenv(variable);
    } else {
        setenv(variable, path, 1);
    }
}

#endif
