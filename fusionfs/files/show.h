/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files say: one function each, named in the rows of tree.c. */
#ifndef FUSIONFS_SHOW_H
#define FUSIONFS_SHOW_H

#include "fusionfs/world/node.h"

/* about.c: .fusionfs/ */
int about_version_show(const struct node *n, struct text *t);
int about_format_show(const struct node *n, struct text *t);
int about_pid_show(const struct node *n, struct text *t);
int about_uptime_show(const struct node *n, struct text *t);
int about_requests_show(const struct node *n, struct text *t);
int about_deaths_show(const struct node *n, struct text *t);
int about_options_show(const struct node *n, struct text *t);
int about_options_store(const struct node *n, const char *text);
int about_options_check(const char *text);
int about_limits_show(const struct node *n, struct text *t);
int about_users_show(const struct node *n, struct text *t);

/* status.c, deadlocks.c: the files of an arena */
int arena_status_show(const struct node *n, struct text *t);
int arena_state_show(const struct node *n, struct text *t);
int arena_base_show(const struct node *n, struct text *t);
int arena_span_show(const struct node *n, struct text *t);
int arena_used_show(const struct node *n, struct text *t);
int arena_limit_show(const struct node *n, struct text *t);
int arena_limit_store(const struct node *n, const char *text);
int arena_limit_check(const char *text);
int arena_master_target(const struct node *n, struct text *t);
int arena_deadlocks_show(const struct node *n, struct text *t);
int arena_master_check(struct arena *a);

/* objects.c, fields.c, pools.c, members.c, memory.c */
void refs_of_member_show(struct view *v, uint32_t member, struct text *t);
const char *property_state_name(uint64_t word);
/* The counts of reference @index, a line for each member. */
void ref_counts_show(struct view *v, uint32_t index, struct text *t);
extern const struct items_ops root_items, object_items, member_items,
	pool_items;
int pool_status_show(const struct node *n, struct text *t);
int object_show(const struct node *n, struct text *t);
int field_show(const struct node *n, struct text *t);
int skirmish_show(const struct node *n, struct text *t);
int ref_show(const struct node *n, struct text *t);
int property_show(const struct node *n, struct text *t);
int reactor_make(struct view *v, struct thread_rec *me, const char *name,
		 uint32_t *ret_index);
int reactor_status_show(const struct node *n, struct text *t);
int reactor_listeners_show(const struct node *n, struct text *t);
int member_status_show(const struct node *n, struct text *t);
int member_pid_show(const struct node *n, struct text *t);
int member_comm_show(const struct node *n, struct text *t);
int member_role_show(const struct node *n, struct text *t);
int member_joined_show(const struct node *n, struct text *t);
int member_held_show(const struct node *n, struct text *t);
int member_waiting_show(const struct node *n, struct text *t);
int member_refs_show(const struct node *n, struct text *t);
int member_queue_show(const struct node *n, struct text *t);
/* Its slot and id.  0, -ENOENT, -EIO. */
int member_of(struct arena *a, uint32_t item, uint32_t *slot, uint32_t *id);
int memory_status_show(const struct node *n, struct text *t);
int memory_classes_show(const struct node *n, struct text *t);
int memory_members_show(const struct node *n, struct text *t);
int memory_pools_show(const struct node *n, struct text *t);

#endif
