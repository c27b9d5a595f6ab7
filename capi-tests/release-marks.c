/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The names by which our library tells releases of libcrmcommon apart: a library that is loaded into a process which is
 * to be taken for one of that release. -DRELEASE=219 makes the one of 2.1.9.
 */
void mark(void);

void
mark(void)
{
}

#define HAS(name) void name(void) __attribute__((alias("mark")))

#if RELEASE < 300
HAS(pcmk__ipc_fd);
HAS(pcmk__daemon_metadata);
#else
HAS(pcmk__ipc_msg_append);
#if RELEASE >= 302
HAS(pcmk__serve_execd_ipc);
#endif
#endif
