/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree, one row a file
 *
 * A new file is its show function and a row here.
 */
#include "fusionfs/tree.h"

#include <assert.h>

#include "fusionfs/files/about.h"
#include "fusionfs/files/calls.h"
#include "fusionfs/files/containers.h"
#include "fusionfs/files/deadlocks.h"
#include "fusionfs/files/entries.h"
#include "fusionfs/files/fields.h"
#include "fusionfs/files/heap.h"
#include "fusionfs/files/members.h"
#include "fusionfs/files/memory.h"
#include "fusionfs/files/object_pools.h"
#include "fusionfs/files/properties.h"
#include "fusionfs/files/queues.h"
#include "fusionfs/files/reactors.h"
#include "fusionfs/files/refs.h"
#include "fusionfs/files/skirmishes.h"
#include "fusionfs/files/status.h"
#include "fusionfs/files/streams.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/hand_over.h"

enum {
	NONE = ROW_NONE,
	ROOT = ROW_ROOT,
	ABOUT,
	ABOUT_VERSION,
	ABOUT_FORMAT,
	ABOUT_PID,
	ABOUT_UPTIME,
	ABOUT_REQUESTS,
	ABOUT_DEATHS,
	ABOUT_OPTIONS,
	ABOUT_LIMITS,
	ABOUT_USERS,
	SOCKET,
	ARENA,
	STATUS,
	STATE,
	BASE,
	SPAN,
	USED,
	LIMIT,
	HEAP,
	EVENTS_FILE,
	MASTER,
	DEADLOCKS,
	FIELDS,
	FIELD,
	SKIRMISHES,
	SKIRMISH,
	REFS,
	REF,
	PROPERTIES,
	PROPERTY,
	CALLS,
	CALL,
	REACTORS,
	REACTOR,
	REACTOR_STATUS,
	LISTENERS,
	STREAM,
	TEXT,
	DISPATCH,
	POOLS,
	POOL,
	POOL_STATUS,
	POOL_OBJECT,
	HASHES,
	HASH,
	VECTORS,
	VECTOR,
	LISTS,
	LIST,
	MEMBERS,
	MEMBER,
	MEMBER_STATUS,
	MEMBER_PID,
	MEMBER_COMM,
	MEMBER_ROLE,
	MEMBER_JOINED,
	MEMBER_HELD,
	MEMBER_WAITING,
	MEMBER_REFS,
	MEMBER_QUEUE,
	MEMBER_INBOX,
	MEMORY,
	MEMORY_STATUS,
	MEMORY_CLASSES,
	MEMORY_MEMBERS,
	MEMORY_POOLS,
	N_ROWS
};

/* clang-format off */
#define ROW(up, type, name, mode, ...) {up, type, name, mode, __VA_ARGS__}
#define DIR(up, name)          ROW(up, ROW_DIR, name, 0555, .show = NULL)
#define DIR_OF(up, name, its)  ROW(up, ROW_DIR, name, 0555, .items = &its)
#define RO(up, name, s)        ROW(up, ROW_FILE, name, 0444, .show = s)
#define RW(up, name, s, st, may) ROW(up, ROW_FILE, name, 0644, .show = s, \
				   .store = st, .may_store = may)
/* A shell talks through it, as NAME.N about number N. */
#define PORT(up, name, mode, p, max) ROW(up, ROW_PORT, name, mode, \
				   .port = &p, .max_number = max)
/* The named entries of a kind. */
#define ENTRIES(up, name, k)   ROW(up, ROW_DIR, name, 0555, \
				   .items = &entry_items, .kind = k)
#define ENTRY(up, k, s)        ROW(up, ROW_FILE, NULL, 0444, .show = s, \
				   .kind = k)
/* Named entries that a shell can make, lock and remove. */
#define LOCKS(up, name, k, c)  ROW(up, ROW_DIR, name, 0777, \
				   .items = &entry_items, .kind = k, \
				   .create = c, .removes = true)
#define LOCK(up, k, s, l)      ROW(up, ROW_FILE, NULL, 0666, .show = s, \
				   .kind = k, .locks = &l)

#define OF_REACTOR(up, type, name, mode, ...) ROW(up, type, name, mode, \
				   .kind = KIND_REACTOR, __VA_ARGS__)
#define CHANNEL_MAX 65535u

const struct row tree_rows[N_ROWS] = {
	[ROOT] =           DIR_OF(NONE, "", root_items),
	[ABOUT] =          DIR(ROOT, ".fusionfs"),
	[ABOUT_VERSION] =  RO(ABOUT, "version", about_version_show),
	[ABOUT_FORMAT] =   RO(ABOUT, "format", about_format_show),
	[ABOUT_PID] =      RO(ABOUT, "pid", about_pid_show),
	[ABOUT_UPTIME] =   RO(ABOUT, "uptime", about_uptime_show),
	[ABOUT_REQUESTS] = RO(ABOUT, "requests", about_requests_show),
	[ABOUT_DEATHS] =   RO(ABOUT, "deaths", about_deaths_show),
	[ABOUT_OPTIONS] =  RW(ABOUT, "options", about_options_show,
			      about_options_store, about_options_check),
	[ABOUT_LIMITS] =   RO(ABOUT, "limits", about_limits_show),
	[ABOUT_USERS] =    RO(ABOUT, "users", about_users_show),

	/* It is not listed; the directory of each arena has it, too. */
	[SOCKET] =         ROW(ROOT, ROW_SOCKET, HAND_OVER_NAME, 0666,
			       .check = hand_over_check),

	[ARENA] =          DIR(ROOT, NULL),
	[STATUS] =         RO(ARENA, "status", arena_status_show),
	/* A corrupt arena shows its state, too. */
	[STATE] =          ROW(ARENA, ROW_FILE, "state", 0444,
			       .show = arena_state_show,
			       .is_always_shown = true),
	[BASE] =           RO(ARENA, "base", arena_base_show),
	[SPAN] =           RO(ARENA, "span", arena_span_show),
	[USED] =           RO(ARENA, "used", arena_used_show),
	[LIMIT] =          RW(ARENA, "limit", arena_limit_show,
			      arena_limit_store, arena_limit_check),
	[HEAP] =           ROW(ARENA, ROW_HEAP, "heap", 0444, .stat = heap_stat),
	[EVENTS_FILE] =    ROW(ARENA, ROW_EVENTS, "events", 0444,
			       .stat = events_stat),
	[MASTER] =         ROW(ARENA, ROW_LINK, "master", 0777,
			       .show = arena_master_target,
			       .check = arena_master_check),
	[DEADLOCKS] =      RO(ARENA, "deadlocks", arena_deadlocks_show),

	[FIELDS] =         ENTRIES(ARENA, "fields", KIND_FIELD),
	[FIELD] =          ENTRY(FIELDS, KIND_FIELD, field_show),

	[SKIRMISHES] =     LOCKS(ARENA, "skirmishes", KIND_SKIRMISH,
				 skirmish_make),
	[SKIRMISH] =       LOCK(SKIRMISHES, KIND_SKIRMISH, skirmish_show,
				skirmish_locks),
	[REFS] =           ENTRIES(ARENA, "refs", KIND_REF),
	[REF] =            ENTRY(REFS, KIND_REF, ref_show),
	[PROPERTIES] =     LOCKS(ARENA, "properties", KIND_PROPERTY,
				 property_make),
	[PROPERTY] =       LOCK(PROPERTIES, KIND_PROPERTY, property_show,
				property_locks),

	[CALLS] =          ROW(ARENA, ROW_DIR, "calls", 0777,
			       .items = &entry_items, .kind = KIND_CALL,
			       .removes = true),
	[CALL] =           ROW(CALLS, ROW_PORT, NULL, 0666, .kind = KIND_CALL,
			       .port = &call_port),

	[REACTORS] =       LOCKS(ARENA, "reactors", KIND_REACTOR,
				 reactor_make),
	[REACTOR] =        OF_REACTOR(REACTORS, ROW_DIR, NULL, 0555,
				      .show = NULL),
	[REACTOR_STATUS] = OF_REACTOR(REACTOR, ROW_FILE, "status", 0444,
				      .show = reactor_status_show),
	[LISTENERS] = OF_REACTOR(REACTOR, ROW_FILE, "listeners", 0444,
				      .show = reactor_listeners_show),
	[STREAM] = OF_REACTOR(REACTOR, ROW_PORT, "stream", 0444,
				      .port = &stream_port,
				      .max_number = CHANNEL_MAX),
	[TEXT] =   OF_REACTOR(REACTOR, ROW_PORT, "text", 0444,
				      .port = &text_port,
				      .max_number = CHANNEL_MAX),
	[DISPATCH] = OF_REACTOR(REACTOR, ROW_PORT, "dispatch", 0222,
				      .port = &dispatch_port,
				      .max_number = CHANNEL_MAX),

	[POOLS] =          ENTRIES(ARENA, "pools", KIND_OBJECT_POOL),
	[POOL] =           ROW(POOLS, ROW_DIR, NULL, 0555,
			       .items = &object_pool_items, .kind = KIND_OBJECT_POOL),
	[POOL_STATUS] =    ROW(POOL, ROW_FILE, "status", 0444,
			       .show = object_pool_status_show,
			       .kind = KIND_OBJECT_POOL),
	[POOL_OBJECT] =    ENTRY(POOL, KIND_OBJECT, object_show),

	[HASHES] =         ENTRIES(ARENA, "hashes", KIND_HASH),
	[HASH] =           ENTRY(HASHES, KIND_HASH, hash_show),
	[VECTORS] =        ENTRIES(ARENA, "vectors", KIND_VECTOR),
	[VECTOR] =         ENTRY(VECTORS, KIND_VECTOR, vector_show),
	[LISTS] =          ENTRIES(ARENA, "lists", KIND_LIST),
	[LIST] =           ENTRY(LISTS, KIND_LIST, list_show),

	[MEMBERS] =        DIR_OF(ARENA, "members", member_items),
	[MEMBER] =         DIR(MEMBERS, NULL),
	[MEMBER_STATUS] =  RO(MEMBER, "status", member_status_show),
	[MEMBER_PID] =     RO(MEMBER, "pid", member_pid_show),
	[MEMBER_COMM] =    RO(MEMBER, "comm", member_comm_show),
	[MEMBER_ROLE] =    RO(MEMBER, "role", member_role_show),
	[MEMBER_JOINED] =  RO(MEMBER, "joined", member_joined_show),
	[MEMBER_HELD] =    RO(MEMBER, "held", member_held_show),
	[MEMBER_WAITING] = RO(MEMBER, "waiting", member_waiting_show),
	[MEMBER_REFS] =    RO(MEMBER, "refs", member_refs_show),
	[MEMBER_QUEUE] =   RO(MEMBER, "queue", member_queue_show),
	[MEMBER_INBOX] =   PORT(MEMBER, "inbox", 0222, inbox_port,
				UINT32_MAX - 1),

	[MEMORY] =         DIR(ARENA, "memory"),
	[MEMORY_STATUS] =  RO(MEMORY, "status", memory_status_show),
	[MEMORY_CLASSES] = RO(MEMORY, "classes", memory_classes_show),
	[MEMORY_MEMBERS] = RO(MEMORY, "members", memory_members_show),
	[MEMORY_POOLS] =   RO(MEMORY, "pools", memory_pools_show),
};
/* clang-format on */

static_assert(N_ROWS <= 96,
	      "node ids end below those of arenas: IDENTITY_BITS");

const int tree_n_rows = N_ROWS;
