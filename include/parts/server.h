/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of the daemon, which libcrmcommon makes. */
typedef struct pcmk__client_s pcmk__client_t;

#ifdef __cplusplus
extern "C" {
#endif

/* The table of resources, which main makes with strings as keys, without a function that frees keys, and with
 * free_rsc() (from 3.0.2 on execd_free_rsc()) for values, and destroys at the end. Its values are the library's. */
extern GHashTable *rsc_list;
/* The number of the latest request, which the part that takes requests in counts from 1 (up to 3.0.1). */
extern int lrmd_call_id;
/* When main began: main sets it. */
extern time_t start_time;

#ifdef __cplusplus
}
#endif
