/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs have compiled into them: sizes and offsets of the public
 * structs, and the values of the public constants
 *
 * A row that is wrong here is a change that breaks programs which were built
 * before it.  If that is meant, the row changes together with a line in
 * NEWS.md.  The numbers are those of every 64-bit Linux.
 */
#include <fusion/fusion.h>
#include <stddef.h>
#include <stdio.h>

struct row {
	const char *what;
	long is, was;
};

/* clang-format off */
#define SIZE(type, was) \
	{"size of struct " #type, (long)sizeof(struct type), was}
#define FIELD(type, field, was) \
	{"offset of " #type "." #field, (long)offsetof(struct type, field), was}
#define VALUE(name, was) {"value of " #name, (long)name, was}

static const struct row rows[] = {
	SIZE(fusion_arena_options, 88),
	FIELD(fusion_arena_options, size, 0),
	FIELD(fusion_arena_options, role, 8),
	FIELD(fusion_arena_options, flags, 12),
	FIELD(fusion_arena_options, timeout_ns, 16),
	FIELD(fusion_arena_options, mode, 24),
	FIELD(fusion_arena_options, on_master_death, 28),
	FIELD(fusion_arena_options, span, 32),
	FIELD(fusion_arena_options, limit, 40),
	FIELD(fusion_arena_options, initialize, 48),
	FIELD(fusion_arena_options, join, 56),
	FIELD(fusion_arena_options, shutdown, 64),
	FIELD(fusion_arena_options, leave, 72),
	FIELD(fusion_arena_options, ctx, 80),
	SIZE(fusion_member, 40),
	FIELD(fusion_member, id, 0),
	FIELD(fusion_member, pid, 4),
	FIELD(fusion_member, uid, 8),
	FIELD(fusion_member, role, 12),
	FIELD(fusion_member, comm, 16),
	FIELD(fusion_member, joined_ns, 32),
	SIZE(fusion_call_options, 24),
	FIELD(fusion_call_options, size, 0),
	FIELD(fusion_call_options, flags, 8),
	FIELD(fusion_call_options, timeout_ns, 16),
	SIZE(fusion_call_request, 48),
	FIELD(fusion_call_request, arena, 0),
	FIELD(fusion_call_request, call, 8),
	FIELD(fusion_call_request, caller, 16),
	FIELD(fusion_call_request, word, 24),
	FIELD(fusion_call_request, data, 32),
	FIELD(fusion_call_request, size, 40),
	SIZE(fusion_call_stats, 40),
	FIELD(fusion_call_stats, owner, 0),
	FIELD(fusion_call_stats, pending, 4),
	FIELD(fusion_call_stats, executed, 8),
	FIELD(fusion_call_stats, failed, 16),
	FIELD(fusion_call_stats, mean_ns, 24),
	FIELD(fusion_call_stats, max_ns, 32),
	SIZE(fusion_key, 16),
	FIELD(fusion_key, at, 0),
	FIELD(fusion_key, type, 8),
	FIELD(fusion_key, size, 12),
	SIZE(fusion_hash_iter, 32),
	FIELD(fusion_hash_iter, hash, 0),
	FIELD(fusion_hash_iter, at, 8),
	FIELD(fusion_hash_iter, turns, 16),
	FIELD(fusion_hash_iter, tag, 20),
	FIELD(fusion_hash_iter, key, 24),
	SIZE(fusion_heap_stats, 32),
	FIELD(fusion_heap_stats, used, 0),
	FIELD(fusion_heap_stats, limit, 8),
	FIELD(fusion_heap_stats, blocks, 16),
	FIELD(fusion_heap_stats, bytes, 24),
	SIZE(fusion_pool_stats, 24),
	FIELD(fusion_pool_stats, id, 0),
	FIELD(fusion_pool_stats, used, 8),
	FIELD(fusion_pool_stats, limit, 16),
	SIZE(fusion_message, 40),
	FIELD(fusion_message, arena, 0),
	FIELD(fusion_message, sender, 8),
	FIELD(fusion_message, type, 12),
	FIELD(fusion_message, data, 16),
	FIELD(fusion_message, size, 24),
	FIELD(fusion_message, is_block, 32),
	SIZE(fusion_object_stat, 56),
	FIELD(fusion_object_stat, id, 0),
	FIELD(fusion_object_stat, state, 4),
	FIELD(fusion_object_stat, creator, 8),
	FIELD(fusion_object_stat, size, 16),
	FIELD(fusion_object_stat, total, 24),
	FIELD(fusion_object_stat, global, 32),
	FIELD(fusion_object_stat, local, 40),
	FIELD(fusion_object_stat, members, 48),
	SIZE(fusion_property_options, 24),
	FIELD(fusion_property_options, size, 0),
	FIELD(fusion_property_options, lease_window_ns, 8),
	FIELD(fusion_property_options, purchase_window_ns, 16),
	SIZE(fusion_property_state, 24),
	FIELD(fusion_property_state, status, 0),
	FIELD(fusion_property_state, owner, 4),
	FIELD(fusion_property_state, levels, 8),
	FIELD(fusion_property_state, mine, 12),
	FIELD(fusion_property_state, age_ns, 16),
	SIZE(fusion_reactor_options, 24),
	FIELD(fusion_reactor_options, size, 0),
	FIELD(fusion_reactor_options, message_size, 8),
	FIELD(fusion_reactor_options, cells, 12),
	FIELD(fusion_reactor_options, listeners, 16),
	FIELD(fusion_reactor_options, flags, 20),
	SIZE(fusion_reactor_policy, 24),
	FIELD(fusion_reactor_policy, size, 0),
	FIELD(fusion_reactor_policy, kind, 8),
	FIELD(fusion_reactor_policy, limit_ns, 16),
	SIZE(fusion_reactor_message, 32),
	FIELD(fusion_reactor_message, reactor, 0),
	FIELD(fusion_reactor_message, channel, 8),
	FIELD(fusion_reactor_message, sender, 12),
	FIELD(fusion_reactor_message, data, 16),
	FIELD(fusion_reactor_message, size, 24),
	SIZE(fusion_reactor_stat, 40),
	FIELD(fusion_reactor_stat, id, 0),
	FIELD(fusion_reactor_stat, listeners, 4),
	FIELD(fusion_reactor_stat, dispatched, 8),
	FIELD(fusion_reactor_stat, bytes, 16),
	FIELD(fusion_reactor_stat, dropped, 24),
	FIELD(fusion_reactor_stat, rate, 32),
	SIZE(fusion_ref_stat, 64),
	FIELD(fusion_ref_stat, size, 0),
	FIELD(fusion_ref_stat, total, 8),
	FIELD(fusion_ref_stat, global, 16),
	FIELD(fusion_ref_stat, inherited, 24),
	FIELD(fusion_ref_stat, local, 32),
	FIELD(fusion_ref_stat, pending, 40),
	FIELD(fusion_ref_stat, members, 44),
	FIELD(fusion_ref_stat, falls, 48),
	FIELD(fusion_ref_stat, locker, 56),
	FIELD(fusion_ref_stat, watcher, 60),

	VALUE(FUSION_ROLE_ANY, 0),
	VALUE(FUSION_ROLE_MASTER, 1),
	VALUE(FUSION_ROLE_SLAVE, 2),
	VALUE(FUSION_MASTER_DEATH_NOTIFY, 0),
	VALUE(FUSION_MASTER_DEATH_KILL, 1),
	VALUE(FUSION_MASTER_DEATH_PROMOTE, 2),
	VALUE(FUSION_NOTICE_LEFT, 1),
	VALUE(FUSION_NOTICE_DIED, 2),
	VALUE(FUSION_NOTICE_MASTER_LOST, 3),
	VALUE(FUSION_NOTICE_PROMOTED, 4),
	VALUE(FUSION_KEY_STRING, 1),
	VALUE(FUSION_KEY_INT, 2),
	VALUE(FUSION_KEY_POINTER, 3),
	VALUE(FUSION_KEY_BYTES, 4),
	VALUE(FUSION_OBJECT_INIT, 0),
	VALUE(FUSION_OBJECT_ACTIVE, 1),
	VALUE(FUSION_OBJECT_DEINIT, 2),
	VALUE(FUSION_PROPERTY_AVAILABLE, 0),
	VALUE(FUSION_PROPERTY_LEASED, 1),
	VALUE(FUSION_PROPERTY_PURCHASED, 2),
	VALUE(FUSION_REACTOR_BLOCK, 0),
	VALUE(FUSION_REACTOR_DROP_OLDEST, 1),
	VALUE(FUSION_REACTOR_DISCONNECT, 2),
	VALUE(FUSION_REACTION_KEEP, 0),
	VALUE(FUSION_REACTION_REMOVE, 1),
	VALUE(FUSION_ENTER_NOWAIT, 1),
	VALUE(FUSION_ENTER_FORK, 2),
	VALUE(FUSION_ENTER_EXISTING, 4),
	VALUE(FUSION_ENTER_MANUAL, 8),
	VALUE(FUSION_CALL_ONEWAY, 1),
	VALUE(FUSION_CALL_QUEUE, 2),
	VALUE(FUSION_CALL_NODIRECT, 4),
	VALUE(FUSION_CALL_NOWAIT, 8),
	VALUE(FUSION_CALL_DEFER, 1),
	VALUE(FUSION_CALL_NO_LIMIT, 4294967295),
	VALUE(FUSION_CONTAINER_LOCK, 1),
	VALUE(FUSION_CONTAINER_WORDS, 2),
	VALUE(FUSION_CONTAINER_AUTOFREE, 4),
	VALUE(FUSION_MESSAGE_DROP, 1),
	VALUE(FUSION_ANY_TYPE, 4294967295),
	VALUE(FUSION_OBJECT_SIZE_MAX, 1073741824),
	VALUE(FUSION_OBJECT_KEY_MAX, 63),
	VALUE(FUSION_OBJECT_STRING_MAX, 4095),
	VALUE(FUSION_PROPERTIES_OWNED, 24),
	VALUE(FUSION_REACTOR_CHANNEL_MAX, 65535),
	VALUE(FUSION_REACTOR_GLOBALS, 12),
	VALUE(FUSION_REACTOR_LIMIT_NS, 100000000),
	VALUE(FUSION_REACTOR_SELF, 1),
	VALUE(FUSION_REACTOR_NOWAIT, 2),
	VALUE(FUSION_SKIRMISH_ERRORCHECK, 1),
	VALUE(FUSION_SKIRMISHES_HELD, 112),
	VALUE(FUSION_FOREVER, -1),
	VALUE(FUSION_NONE, 0),
	VALUE(FUSION_ALL, 4294967295),
	VALUE(FUSION_VECTOR_MAX, 1073741824),
};
/* clang-format on */

int main(void)
{
	unsigned n = sizeof(rows) / sizeof(rows[0]), failed = 0;

	printf("1..%u\n", n);
	for (unsigned i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		int ok = r->is == r->was;

		printf("%s %u - %s\n", ok ? "ok" : "not ok", i + 1, r->what);
		if (!ok)
			printf("# %s is %ld and was %ld\n", r->what, r->is,
			       r->was);
		failed += !ok;
	}
	return failed != 0;
}
