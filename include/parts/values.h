/* SPDX-License-Identifier: LGPL-2.1-or-later */
typedef struct lrmd_s lrmd_t;
typedef struct lrmd_api_operations_s lrmd_api_operations_t;
typedef struct lrmd_key_value_s lrmd_key_value_t;
typedef struct lrmd_list_s lrmd_list_t;
typedef struct lrmd_rsc_info_s lrmd_rsc_info_t;
typedef struct lrmd_op_info_s lrmd_op_info_t;
