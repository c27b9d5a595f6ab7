/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kind of an event as a word, for logs. */
static inline const char *
lrmd_event_type2str(enum lrmd_callback_event type)
{
  static const char *const words[] = {
    "register", "unregister", "exec_complete", "disconnect", "connect", "poke", "new_client"
  };

  return ((unsigned int) type < sizeof(words) / sizeof(words[0]))? words[type] : "unknown";
}
