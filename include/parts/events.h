/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an event is about; the numbers are part of the interface. */
enum lrmd_callback_event {
  lrmd_event_register = 0,
  lrmd_event_unregister = 1,
  lrmd_event_exec_complete = 2,
  lrmd_event_disconnect = 3,
  lrmd_event_connect = 4,
  lrmd_event_poke = 5,
  lrmd_event_new_client = 6
};
