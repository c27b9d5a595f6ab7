/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Prints what a program gets out of the header: sizes, offsets, enum values. tests/capi/layouts.rs compiles it with
 * upstream's headers and with ours.
 */
#include <stddef.h>
#include <stdio.h>

#ifdef PCMK_REMOTE_RS
#include <pcmk-remote-rs.h>
#else
#include <crm/lrmd.h>
#endif

#define SIZE(type) printf("%s %zu\n", #type, sizeof(type))
#define FIELD(type, field) \
    printf("%s.%s %zu %zu\n", #type, #field, offsetof(type, field), sizeof(((type *) NULL)->field))
#define VALUE(name) printf("%s %d\n", #name, (int) name)

static void
event(void)
{
    SIZE(lrmd_event_data_t);
    FIELD(lrmd_event_data_t, type);
    FIELD(lrmd_event_data_t, rsc_id);
    FIELD(lrmd_event_data_t, op_type);
    FIELD(lrmd_event_data_t, user_data);
    FIELD(lrmd_event_data_t, call_id);
    FIELD(lrmd_event_data_t, timeout);
    FIELD(lrmd_event_data_t, interval_ms);
    FIELD(lrmd_event_data_t, start_delay);
    FIELD(lrmd_event_data_t, rsc_deleted);
    FIELD(lrmd_event_data_t, rc);
    FIELD(lrmd_event_data_t, op_status);
    FIELD(lrmd_event_data_t, output);
    FIELD(lrmd_event_data_t, t_run);
    FIELD(lrmd_event_data_t, t_rcchange);
    FIELD(lrmd_event_data_t, exec_time);
    FIELD(lrmd_event_data_t, queue_time);
    FIELD(lrmd_event_data_t, connection_rc);
    FIELD(lrmd_event_data_t, params);
    FIELD(lrmd_event_data_t, remote_nodename);
    FIELD(lrmd_event_data_t, exit_reason);
}

static void
operations(void)
{
    SIZE(lrmd_t);
    FIELD(lrmd_t, cmds);
    FIELD(lrmd_t, lrmd_private);
    SIZE(lrmd_api_operations_t);
    FIELD(lrmd_api_operations_t, connect);
    FIELD(lrmd_api_operations_t, connect_async);
    FIELD(lrmd_api_operations_t, is_connected);
    FIELD(lrmd_api_operations_t, poke_connection);
    FIELD(lrmd_api_operations_t, disconnect);
    FIELD(lrmd_api_operations_t, register_rsc);
    FIELD(lrmd_api_operations_t, get_rsc_info);
    FIELD(lrmd_api_operations_t, get_recurring_ops);
    FIELD(lrmd_api_operations_t, unregister_rsc);
    FIELD(lrmd_api_operations_t, set_callback);
    FIELD(lrmd_api_operations_t, exec);
    FIELD(lrmd_api_operations_t, cancel);
    FIELD(lrmd_api_operations_t, get_metadata);
    FIELD(lrmd_api_operations_t, list_agents);
    FIELD(lrmd_api_operations_t, list_ocf_providers);
    FIELD(lrmd_api_operations_t, list_standards);
    FIELD(lrmd_api_operations_t, exec_alert);
    FIELD(lrmd_api_operations_t, get_metadata_params);
}

static void
values(void)
{
    SIZE(lrmd_key_value_t);
    FIELD(lrmd_key_value_t, key);
    FIELD(lrmd_key_value_t, value);
    FIELD(lrmd_key_value_t, next);
    SIZE(lrmd_list_t);
    FIELD(lrmd_list_t, val);
    FIELD(lrmd_list_t, next);
    SIZE(lrmd_rsc_info_t);
    FIELD(lrmd_rsc_info_t, id);
    FIELD(lrmd_rsc_info_t, type);
    FIELD(lrmd_rsc_info_t, standard);
    FIELD(lrmd_rsc_info_t, provider);
    SIZE(lrmd_op_info_t);
    FIELD(lrmd_op_info_t, rsc_id);
    FIELD(lrmd_op_info_t, action);
    FIELD(lrmd_op_info_t, interval_ms_s);
    FIELD(lrmd_op_info_t, timeout_ms_s);
}

static void
enums(void)
{
    SIZE(enum lrmd_callback_event);
    VALUE(lrmd_event_register);
    VALUE(lrmd_event_unregister);
    VALUE(lrmd_event_exec_complete);
    VALUE(lrmd_event_disconnect);
    VALUE(lrmd_event_connect);
    VALUE(lrmd_event_poke);
    VALUE(lrmd_event_new_client);
    SIZE(enum lrmd_call_options);
    VALUE(lrmd_opt_none);
    VALUE(lrmd_opt_drop_recurring);
    VALUE(lrmd_opt_notify_orig_only);
    VALUE(lrmd_opt_notify_changes_only);
}

int
main(void)
{
    event();
    operations();
    values();
    enums();
    return 0;
}
