/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree, one row a file
 *
 * A new file is its show function and a row here.
 */
#include "fusionfs/world/guard.h"
#include "fusionfs/world/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fusionfs/base/serial.h"
#include "fusionfs/files/heap.h"
#include "fusionfs/files/show.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/hand_over.h"
#include "fusionfs/service/ports.h"
#include "fusionfs/service/visitors.h"

enum {
	NONE,
	ROOT,
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
	REACTOR_LISTENERS,
	REACTOR_STREAM,
	REACTOR_TEXT,
	REACTOR_DISPATCH,
	POOLS,
	POOL,
	POOL_STATUS,
	POOL_OBJECT,
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
#define LNK(up, name, target)  ROW(up, ROW_LINK, name, 0777, .show = target)
#define STREAM(up, name)       ROW(up, ROW_EVENTS, name, 0444, .show = NULL)
/* A shell talks through it, as NAME.N about number N. */
#define PORT(up, name, mode, p, max) ROW(up, ROW_PORT, name, mode, \
				   .port = &p, .max_number = max)
/* Named things of a kind. */
#define OBJECTS(up, name, k)   ROW(up, ROW_DIR, name, 0555, \
				   .items = &object_items, .kind = k)
#define OBJECT(up, k, s)       ROW(up, ROW_FILE, NULL, 0444, .show = s, \
				   .kind = k)
/* The same, and a shell can make, lock and remove them. */
#define LOCKS(up, name, k, c)  ROW(up, ROW_DIR, name, 0777, \
				   .items = &object_items, .kind = k, \
				   .create = c, .removes = true)
#define LOCK(up, k, s, l)      ROW(up, ROW_FILE, NULL, 0666, .show = s, \
				   .kind = k, .locks = &l)

#define OF_REACTOR(up, type, name, mode, ...) ROW(up, type, name, mode, \
				   .kind = KIND_REACTOR, __VA_ARGS__)
#define CHANNEL_MAX 65535u

static const struct row rows[N_ROWS] = {
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

	/* Not listed; all arenas' directories have it, too. */
	[SOCKET] =         ROW(ROOT, ROW_SOCKET, HAND_OVER_NAME, 0666,
			       .show = NULL),

	[ARENA] =          DIR(ROOT, NULL),
	[STATUS] =         RO(ARENA, "status", arena_status_show),
	[STATE] =          RO(ARENA, "state", arena_state_show),
	[BASE] =           RO(ARENA, "base", arena_base_show),
	[SPAN] =           RO(ARENA, "span", arena_span_show),
	[USED] =           RO(ARENA, "used", arena_used_show),
	[LIMIT] =          RW(ARENA, "limit", arena_limit_show,
			      arena_limit_store, arena_limit_check),
	[HEAP] =           ROW(ARENA, ROW_HEAP, "heap", 0444, .show = NULL),
	[EVENTS_FILE] =    STREAM(ARENA, "events"),
	[MASTER] =         LNK(ARENA, "master", arena_master_target),
	[DEADLOCKS] =      RO(ARENA, "deadlocks", arena_deadlocks_show),

	[FIELDS] =         OBJECTS(ARENA, "fields", KIND_FIELD),
	[FIELD] =          OBJECT(FIELDS, KIND_FIELD, field_show),

	[SKIRMISHES] =     LOCKS(ARENA, "skirmishes", KIND_SKIRMISH,
				 skirmish_make),
	[SKIRMISH] =       LOCK(SKIRMISHES, KIND_SKIRMISH, skirmish_show,
				skirmish_locks),
	[REFS] =           OBJECTS(ARENA, "refs", KIND_REF),
	[REF] =            OBJECT(REFS, KIND_REF, ref_show),
	[PROPERTIES] =     LOCKS(ARENA, "properties", KIND_PROPERTY,
				 property_make),
	[PROPERTY] =       LOCK(PROPERTIES, KIND_PROPERTY, property_show,
				property_locks),

	[CALLS] =          ROW(ARENA, ROW_DIR, "calls", 0777,
			       .items = &object_items, .kind = KIND_CALL,
			       .removes = true),
	[CALL] =           ROW(CALLS, ROW_PORT, NULL, 0666, .kind = KIND_CALL,
			       .port = &call_port),

	[REACTORS] =       LOCKS(ARENA, "reactors", KIND_REACTOR,
				 reactor_make),
	[REACTOR] =        OF_REACTOR(REACTORS, ROW_DIR, NULL, 0555,
				      .show = NULL),
	[REACTOR_STATUS] = OF_REACTOR(REACTOR, ROW_FILE, "status", 0444,
				      .show = reactor_status_show),
	[REACTOR_LISTENERS] = OF_REACTOR(REACTOR, ROW_FILE, "listeners", 0444,
				      .show = reactor_listeners_show),
	[REACTOR_STREAM] = OF_REACTOR(REACTOR, ROW_PORT, "stream", 0444,
				      .port = &stream_port,
				      .max_number = CHANNEL_MAX),
	[REACTOR_TEXT] =   OF_REACTOR(REACTOR, ROW_PORT, "text", 0444,
				      .port = &text_port,
				      .max_number = CHANNEL_MAX),
	[REACTOR_DISPATCH] = OF_REACTOR(REACTOR, ROW_PORT, "dispatch", 0222,
				      .port = &dispatch_port,
				      .max_number = CHANNEL_MAX),

	[POOLS] =          OBJECTS(ARENA, "pools", KIND_OBJECT_POOL),
	[POOL] =           ROW(POOLS, ROW_DIR, NULL, 0555,
			       .items = &pool_items, .kind = KIND_OBJECT_POOL),
	[POOL_STATUS] =    ROW(POOL, ROW_FILE, "status", 0444,
			       .show = pool_status_show,
			       .kind = KIND_OBJECT_POOL),
	[POOL_OBJECT] =    OBJECT(POOL, KIND_OBJECT, object_show),

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

static_assert(N_ROWS <= 62, "node ids end below what others number");

static int index_of(const struct row *row)
{
	return (int)(row - rows);
}

static const struct items_ops *items_above(const struct row *row)
{
	for (; index_of(row) != ROOT; row = &rows[row->parent])
		if (!row->name)
			return rows[row->parent].items;
	return NULL;
}

/* What is an item of an arena, or below one, ends with the arena's life. */
static bool is_of_life(const struct row *row)
{
	const struct items_ops *items = items_above(row);

	return items && items != &root_items;
}

static uint64_t serial_in(const struct arena *a, const struct row *row)
{
	return is_of_life(row) ? a->life : a->serial;
}

uint64_t node_serial(const struct node *n)
{
	return n->arena ? serial_in(n->arena, n->row) : 0;
}

/* row:8 number of the serial:24 item:32.  The root is 1, as FUSE wants it. */
uint64_t node_ino(const struct node *n)
{
	if (index_of(n->row) == ROOT)
		return NODE_ROOT;
	return (uint64_t)index_of(n->row) << 56 |
	       (uint64_t)SERIAL_NUMBER(node_serial(n)) << 32 | n->item;
}

uint32_t node_ino_number(uint64_t ino)
{
	return ino == NODE_ROOT ? 0 : SERIAL_NUMBER(ino >> 32);
}

static bool below_arenas(const struct row *row)
{
	while (index_of(row) > ARENA && row->parent != ROOT)
		row = &rows[row->parent];
	return index_of(row) == ARENA;
}

static int node_check(const struct node *n)
{
	const struct items_ops *ops = items_above(n->row);

	if (index_of(n->row) == MASTER)
		return arena_master_check(n->arena);
	if (index_of(n->row) == SOCKET)
		return hand_over_is_there() ? 0 : -ENOENT;
	/* `state` and what says who lies there are for corrupt ones too. */
	return ops && ops->check ? ops->check(n) : 0;
}

/* An arena that is not taken over yet does not say what there is. */
static int absent(int r)
{
	return r == -EAGAIN ? r : -ENOENT;
}

int node_in_arena(struct node *n, uint64_t serial)
{
	struct arena *a = world.arenas;
	int r;

	while (a && serial_in(a, n->row) != serial)
		a = a->next;
	n->arena = a;
	r = a ? node_check(n) : -ENOENT;
	return r < 0 ? absent(r) : 0;
}

/* While the kernel knows a node, its number is nobody else's: serial.h. */
static int in_numbered_arena(struct node *n, uint32_t number)
{
	struct arena *a = world.arenas;

	while (a && SERIAL_NUMBER(serial_in(a, n->row)) != number)
		a = a->next;
	return a ? node_in_arena(n, serial_in(a, n->row)) : -ENOENT;
}

int node_from_ino(uint64_t ino, struct node *ret)
{
	unsigned i = (unsigned)(ino >> 56);
	struct node n = {.item = (uint32_t)ino, .number = NUMBER_NONE};
	int r;

	if (ino == NODE_ROOT) {
		*ret = (struct node){.row = &rows[ROOT], .number = NUMBER_NONE};
		return 0;
	}
	if (i <= ROOT || i >= N_ROWS)
		return -ENOENT;
	n.row = &rows[i];
	if (below_arenas(n.row)) {
		r = in_numbered_arena(&n, node_ino_number(ino));
		if (r < 0)
			return r;
	} else if (node_check(&n) < 0) {
		return -ENOENT;
	}
	*ret = n;
	return 0;
}

static const struct row *item_row(const struct node *dir)
{
	for (int i = ROOT + 1; i < N_ROWS; i++)
		if (rows[i].parent == index_of(dir->row) && !rows[i].name)
			return &rows[i];
	return NULL;
}

enum row_type node_items_type(const struct node *dir)
{
	const struct row *row = item_row(dir);

	return row ? row->type : ROW_FILE;
}

static struct node child(const struct node *dir, const struct row *row)
{
	return (struct node){
		.row = row,
		.arena = dir->arena,
		.item = dir->item,
		.number = NUMBER_NONE,
	};
}

/* One name for each: no leading zeros, no signs. */
static int parse_number(const char *text, uint32_t max, uint32_t *ret)
{
	unsigned long long n;
	char again[16];

	n = strtoull(text, NULL, 10);
	if (n > max)
		return -EINVAL;
	snprintf(again, sizeof(again), "%llu", n);
	*ret = (uint32_t)n;
	return strcmp(again, text) == 0 ? 0 : -EINVAL;
}

/* Is @name the row's, or one of its numbers? */
static bool is_called(const struct row *row, const char *name, uint32_t *number)
{
	size_t len = row->name ? strlen(row->name) : 0;
	uint32_t n;

	*number = NUMBER_NONE;
	if (!row->name || strncmp(row->name, name, len) != 0)
		return false;
	if (!name[len])
		return true;
	if (!row->max_number || name[len] != '.' ||
	    parse_number(name + len + 1, row->max_number, &n) < 0)
		return false;
	*number = n;
	return true;
}

int node_lookup(const struct node *dir, const char *name, struct node *ret)
{
	uint32_t number;
	struct node n;
	int r;

	if (index_of(dir->row) == ARENA && !strcmp(name, HAND_OVER_NAME)) {
		node_of_socket(ret);
		return node_check(ret);
	}
	for (int i = ROOT + 1; i < N_ROWS; i++) {
		if (rows[i].parent != index_of(dir->row) ||
		    !is_called(&rows[i], name, &number))
			continue;
		n = child(dir, &rows[i]);
		n.number = number;
		r = node_check(&n);
		if (r < 0)
			return absent(r);
		*ret = n;
		return 0;
	}
	if (!dir->row->items)
		return -ENOENT;
	n = child(dir, item_row(dir));
	r = dir->row->items->find(dir, name, &n);
	if (r < 0)
		return absent(r);
	*ret = n;
	return 0;
}

void node_parent(const struct node *dir, struct node *ret)
{
	int parent = dir->row->parent;

	if (index_of(dir->row) == ROOT) {
		*ret = *dir;
		return;
	}
	*ret = (struct node){
		.row = &rows[parent],
		.arena = parent == ROOT ? NULL : dir->arena,
		.item = dir->row->name ? dir->item : 0,
		.number = NUMBER_NONE,
	};
}

/* Rows first, then items: *at counts on over both. */
int node_next(const struct node *dir, uint64_t *at, char name[256],
	      struct node *ret)
{
	uint64_t item_at;
	int r;

	for (; *at < N_ROWS; ++*at) {
		const struct row *row = &rows[*at];

		if (*at <= ROOT || row->parent != index_of(dir->row) ||
		    !row->name || row->type == ROW_SOCKET)
			continue;
		*ret = child(dir, row);
		if (node_check(ret) < 0)
			continue;
		strcpy(name, row->name);
		++*at;
		return 0;
	}
	if (!dir->row->items)
		return -ENOENT;
	item_at = *at - N_ROWS;
	*ret = child(dir, item_row(dir));
	r = dir->row->items->next(dir, &item_at, name, ret);
	*at = item_at + N_ROWS;
	return r;
}

/* The arena's mode decides: r who may look, x who may enter, w who may write;
 * a file's own mode only takes away. */
static mode_t mode_below(mode_t row, mode_t arena)
{
	mode_t look = arena & 0444, enter = arena & 0111, post = arena & 0222;

	return row & (look | enter | post);
}

static void stat_times(struct stat *st, uint64_t ns)
{
	st->st_mtim.tv_sec = (time_t)(ns / 1000000000);
	st->st_mtim.tv_nsec = (long)(ns % 1000000000);
	st->st_ctim = st->st_atim = st->st_mtim;
}

static void stat_events(struct arena *a, struct stat *st)
{
	uint64_t ns = events_time(a);

	if (ns)
		stat_times(st, ns);
	st->st_size = (off_t)events_size(a, NULL);
	/* Not sparse: cp(1) would look for holes. */
	st->st_blocks = (st->st_size + 511) / 512;
}

static const mode_t types[] = {
	[ROW_DIR] = S_IFDIR,	 [ROW_FILE] = S_IFREG, [ROW_LINK] = S_IFLNK,
	[ROW_EVENTS] = S_IFREG,	 [ROW_PORT] = S_IFREG, [ROW_HEAP] = S_IFREG,
	[ROW_SOCKET] = S_IFSOCK,
};

/* Above the arenas: since when the server runs. */
static void stat_top(const struct node *n, struct stat *st)
{
	st->st_uid = geteuid();
	st->st_gid = getegid();
	st->st_mode = types[n->row->type] | n->row->mode;
	if (index_of(n->row) == ROOT)
		st->st_mode =
			S_IFDIR | (world.options->allow_other ? 01777 : 0755);
	stat_times(st, world.started_real_ns);
}

int node_stat(const struct node *n, struct stat *st)
{
	struct stat file;

	/* One link for a directory, too: its subdirectories are not counted. */
	*st = (struct stat){.st_ino = node_ino(n), .st_nlink = 1};
	if (!n->arena) {
		stat_top(n, st);
		return 0;
	}
	arena_stat(n->arena, &file);
	st->st_uid = file.st_uid;
	st->st_gid = file.st_gid;
	stat_times(st, (uint64_t)file.st_ctim.tv_sec * 1000000000 +
			       (uint64_t)file.st_ctim.tv_nsec);
	if (index_of(n->row) == ARENA) {
		st->st_ino = file.st_ino;
		st->st_mode = S_IFDIR | file.st_mode;
	} else if (n->row->type == ROW_LINK)
		st->st_mode = S_IFLNK | 0777;
	else
		st->st_mode = types[n->row->type] |
			      mode_below(n->row->mode, file.st_mode);
	if (n->row->type == ROW_EVENTS)
		stat_events(n->arena, st);
	if (n->row->type == ROW_HEAP) {
		st->st_size = (off_t)heap_size(n->arena);
		st->st_blocks = (blkcnt_t)heap_blocks(n->arena);
	}
	return 0;
}

struct show_call {
	const struct node *n;
	struct text *t;
};

static int call_show(struct arena *a, void *arg)
{
	const struct show_call *c = arg;

	(void)a;
	return c->n->row->show(c->n, c->t);
}

int node_show(const struct node *n, struct text *t)
{
	struct show_call c = {n, t};
	int r;

	t->max = TEXT_MAX;
	t->cut = 0;

	/* What the daemon itself knows is readable of a corrupt one, too, and
	 * of one that is not taken over yet. */
	if (!n->arena || (index_of(n->row) == STATE &&
			  (n->arena->corrupt || n->arena->unsettled)))
		r = n->row->show(n, t);
	else
		r = guarded(n->arena, call_show, &c);
	if (r == 0)
		r = t->failed;
	return r;
}

int node_store(const struct node *n, const char *text)
{
	return n->row->store ? n->row->store(n, text) : -EACCES;
}

int node_may_store(const struct node *n, const char *text)
{
	return n->row->may_store ? n->row->may_store(text) : -EACCES;
}

bool node_is_arena(const struct node *n)
{
	return index_of(n->row) == ARENA;
}

void node_of_arena(struct arena *a, struct node *ret)
{
	*ret = (struct node){
		.row = &rows[ARENA], .arena = a, .number = NUMBER_NONE};
}

void node_of_socket(struct node *ret)
{
	*ret = (struct node){.row = &rows[SOCKET], .number = NUMBER_NONE};
}
