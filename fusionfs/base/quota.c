/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/quota.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fusionfs/base/log.h"
#include "libfusion/core/base/futex.h"

#define BUCKETS 256u
#define TELL_NS 60000000000 /* between two lines about a kind */

struct quota_user {
	struct quota_user *next;
	uid_t uid;
	uint64_t used[N_QUOTAS];
};

/* clang-format off */
static const struct {
	const char *name;  /* -o user_NAME= */
	const char *what;  /* for messages */
	int error;
	uint64_t standard; /* limit, if none is given */
} kinds[N_QUOTAS] = {
	[QUOTA_ARENAS] =  {"arenas",  "arenas",                   EDQUOT, 7},
	/* Of the 340 GiB that are free in every plain program. */
	[QUOTA_SPAN] =    {"span",    "bytes of address space",   EDQUOT,
			   128ull << 30},
	/* Half of the tmpfs: world.c computes it. */
	[QUOTA_MEMORY] =  {"memory",  "bytes of arenas' limits",  EDQUOT, 0},
	[QUOTA_MEMBERS] = {"members", "joined processes",         EDQUOT, 4096},
	[QUOTA_FILES] =   {"files",   "open files",               EMFILE, 16384},
	[QUOTA_PORTS] =   {"ports",   "open files to talk by",    EMFILE, 1024},
	[QUOTA_WAITS] =   {"waits",   "requests that wait",       EDQUOT, 1024},
	[QUOTA_BYTES] =   {"bytes",   "bytes kept for files",     EDQUOT,
			   64u << 20},
};
/* clang-format on */

static struct quota_user *buckets[BUCKETS];
static uint64_t limits[N_QUOTAS];

/* Refusals since the last log line, the user of the last one, and the time of
 * that line. */
static struct refusals {
	uint64_t n;
	uid_t uid;
	int64_t told_ns;
} refusals[N_QUOTAS];

void quota_begin(const uint64_t want[N_QUOTAS])
{
	memcpy(limits, want, sizeof(limits));
}

void quota_end(void)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct quota_user *u;

		while ((u = buckets[i])) {
			buckets[i] = u->next;
			free(u);
		}
	}
}

static struct quota_user *find_or_add_user(uid_t uid)
{
	struct quota_user **bucket = &buckets[uid % BUCKETS], *u;

	for (u = *bucket; u; u = u->next)
		if (u->uid == uid)
			return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->uid = uid;
	u->next = *bucket;
	*bucket = u;
	return u;
}

static bool is_user_exempt(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Would the user be over the limit with @more? */
static bool is_over_limit(const struct quota_user *u, enum quota kind,
			  uint64_t more)
{
	uint64_t used = u->used[kind];

	if (!limits[kind] || is_user_exempt(u->uid))
		return false;
	return used > limits[kind] || more > limits[kind] - used;
}

void quota_force(struct charge *c, uint64_t n)
{
	if (!c->user)
		return;
	c->user->used[c->kind] += n - c->n;
	c->n = n;
}

int quota_set(struct charge *c, uint64_t n)
{
	if (!c->user)
		return 0;
	if (n > c->n && is_over_limit(c->user, c->kind, n - c->n)) {
		refusals[c->kind].n++;
		refusals[c->kind].uid = c->user->uid;
		return -kinds[c->kind].error;
	}
	quota_force(c, n);
	return 0;
}

void quota_open(struct charge *c, uid_t uid, enum quota kind)
{
	*c = (struct charge){.user = find_or_add_user(uid), .kind = kind};
}

int quota_take(struct charge *c, uid_t uid, enum quota kind, uint64_t n)
{
	int r;

	quota_open(c, uid, kind);
	r = c->user ? quota_set(c, n) : -ENOMEM;
	if (r < 0)
		quota_give(c);
	return r;
}

void quota_adopt(struct charge *c, uid_t uid, enum quota kind, uint64_t n)
{
	quota_open(c, uid, kind);
	quota_force(c, n);
}

void quota_give(struct charge *c)
{
	quota_force(c, 0);
	*c = (struct charge){.user = NULL};
}

/* --- Arenas --------------------------------------------------------------- */

void arena_charge_give(struct arena_charge *c)
{
	quota_give(&c->arenas);
	quota_give(&c->span);
	quota_give(&c->memory);
}

int arena_charge_set(struct arena_charge *c, uid_t uid, uint64_t span,
		     uint64_t limit)
{
	struct arena_charge old = *c, new = {.arenas = {.user = NULL}};
	int r;

	/* Give back first: what is given back may be taken again. */
	arena_charge_give(c);
	r = quota_take(&new.arenas, uid, QUOTA_ARENAS, 1);
	if (r == 0)
		r = quota_take(&new.span, uid, QUOTA_SPAN, span);
	if (r == 0)
		r = quota_take(&new.memory, uid, QUOTA_MEMORY, limit);
	if (r == 0) {
		*c = new;
		return 0;
	}
	arena_charge_give(&new);
	if (old.arenas.user)
		arena_charge_force(c, old.arenas.user->uid, old.span.n,
				   old.memory.n);
	return r;
}

void arena_charge_force(struct arena_charge *c, uid_t uid, uint64_t span,
			uint64_t limit)
{
	arena_charge_give(c);
	quota_adopt(&c->arenas, uid, QUOTA_ARENAS, 1);
	quota_adopt(&c->span, uid, QUOTA_SPAN, span);
	quota_adopt(&c->memory, uid, QUOTA_MEMORY, limit);
}

uint64_t quota_share(uid_t uid, uint64_t standard)
{
	uint64_t memory = limits[QUOTA_MEMORY], n = limits[QUOTA_ARENAS];

	if (standard || !memory || is_user_exempt(uid))
		return standard;
	return (memory / (n ? n : 1)) & ~UINT64_C(4095);
}

/* --- Telling --------------------------------------------------------------
 */

void quota_tell(void)
{
	int64_t now = clock_monotonic_ns();

	for (unsigned i = 0; i < N_QUOTAS; i++) {
		struct refusals *r = &refusals[i];

		if (!r->n || (r->told_ns && now - r->told_ns < TELL_NS))
			continue;
		note("uid %u may have no more %s than %" PRIu64
		     " (-o user_%s=N): refused %" PRIu64
		     " times since the last such line",
		     r->uid, kinds[i].what, limits[i], kinds[i].name, r->n);
		*r = (struct refusals){.told_ns = now};
	}
}

const char *quota_name(enum quota kind)
{
	return kinds[kind].name;
}

uint64_t quota_limit(enum quota kind)
{
	return limits[kind];
}

uint64_t quota_standard(enum quota kind)
{
	return kinds[kind].standard;
}

int quota_by_name(const char *name)
{
	for (int i = 0; i < N_QUOTAS; i++)
		if (!strcmp(kinds[i].name, name))
			return i;
	return -1;
}

static bool user_has_something(const struct quota_user *u)
{
	for (unsigned i = 0; i < N_QUOTAS; i++)
		if (u->used[i])
			return true;
	return false;
}

static const struct quota_user *user_after(const struct quota_user *u)
{
	unsigned i = u ? u->uid % BUCKETS + 1 : 0;

	if (u && u->next)
		return u->next;
	for (; i < BUCKETS; i++)
		if (buckets[i])
			return buckets[i];
	return NULL;
}

bool quota_next(const struct quota_user **at, uid_t *ret_uid,
		uint64_t ret_used[N_QUOTAS])
{
	const struct quota_user *u = user_after(*at);

	while (u && !user_has_something(u))
		u = user_after(u);
	*at = u;
	if (!u)
		return false;
	*ret_uid = u->uid;
	memcpy(ret_used, u->used, sizeof(u->used));
	return true;
}
