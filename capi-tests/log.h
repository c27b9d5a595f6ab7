/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Has the library's log on standard error, for tests that look at what it says.
 */
#ifndef LOG_H
#define LOG_H

#include <syslog.h>

#include <qb/qblog.h>

static inline void
show_log(const char *name)
{
    qb_log_init(name, LOG_USER, LOG_EMERG);
    qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_FALSE);
    qb_log_filter_ctl(QB_LOG_STDERR, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", LOG_NOTICE);
    qb_log_ctl(QB_LOG_STDERR, QB_LOG_CONF_ENABLED, QB_TRUE);
}

#endif
