/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fusion/property.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "libfusion/arena/act.h"
#include "libfusion/arena/address.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/names/entries.h"

/* First sleep of fusion_property_hold_up() after it has killed a process. */
#define HOLD_UP_FIRST_NS 1000000LL

static_assert(FUSION_PROPERTIES_OWNED == THREAD_PROPERTIES, "as documented");

static struct property *property_of(struct fusion_property *property)
{
	return handle_entry(property);
}

static struct fusion_property *property_handle(const struct property *p)
{
	return entry_handle(p, load_relaxed(&p->e.id));
}

/* Return the calling thread's cache of the property's arena; NULL and
 * *ret_error. */
static struct tcache *property_cache(const struct fusion_property *property,
				     int *ret_error)
{
	return entry_cache(KIND_PROPERTY, property,
			   offsetof(struct property, id), ret_error);
}

/* Return the window that an option of @ns asks for. */
static int64_t window_of(int64_t ns, int64_t usual_ns)
{
	if (ns == FUSION_FOREVER)
		return INT64_MAX;
	return ns ? ns : usual_ns;
}

static int copy_options(const struct fusion_property_options *from,
			struct property_windows *to)
{
	struct fusion_property_options o;
	int r = options_copy(&o, sizeof(o),
			     OPTIONS_FIRST(struct fusion_property_options,
					   purchase_window_ns),
			     from, "fusion_property_options");

	if (r < 0)
		return r;
	if (o.lease_window_ns < FUSION_FOREVER ||
	    o.purchase_window_ns < FUSION_FOREVER)
		return refuse(
			-EINVAL,
			"property options: lease_window_ns is %" PRId64
			", purchase_window_ns %" PRId64
			": they have to be 0, positive, or FUSION_FOREVER",
			o.lease_window_ns, o.purchase_window_ns);
	to->lease_ns = window_of(o.lease_window_ns, PROPERTY_LEASE_WINDOW_NS);
	to->purchase_ns =
		window_of(o.purchase_window_ns, PROPERTY_PURCHASE_WINDOW_NS);
	return 0;
}

static int create_property(struct fusion_arena *arena, struct thread_rec *me,
			   const char *name, const void *windows, void **ret)
{
	struct property *p;
	int r = property_create(&arena->view, me, name, windows, arena->id, &p);

	if (r == 0)
		*ret = property_handle(p);
	return r;
}

static int make_property(struct fusion_arena *arena, const char *name,
			 const struct fusion_property_options *options,
			 bool or_find, struct fusion_property **ret)
{
	static const struct entry_maker maker = {.kind = KIND_PROPERTY,
						 .create = create_property};
	struct property_windows windows;
	int r;

	if (!arena || !ret)
		return refuse_null("property", arena ? "ret" : "arena");
	r = copy_options(options, &windows);
	return r < 0 ? r
		     : entry_make(arena, name, &maker, &windows, or_find,
				  (void **)ret);
}

FUSION_API int
fusion_property_create(struct fusion_arena *arena, const char *name,
		       const struct fusion_property_options *options,
		       struct fusion_property **ret)
{
	return told(make_property(arena, name, options, false, ret));
}

FUSION_API int
fusion_property_open(struct fusion_arena *arena, const char *name,
		     const struct fusion_property_options *options,
		     struct fusion_property **ret)
{
	return told(make_property(arena, name, options, true, ret));
}

FUSION_API int fusion_property_lookup(struct fusion_arena *arena,
				      const char *name,
				      struct fusion_property **ret)
{
	return told(entry_lookup(arena, KIND_PROPERTY, name, (void **)ret));
}

FUSION_API int fusion_property_get(struct fusion_arena *arena, fusion_id_t id,
				   struct fusion_property **ret)
{
	return told(entry_get(arena, KIND_PROPERTY, id, (void **)ret));
}

FUSION_API fusion_id_t
fusion_property_id(const struct fusion_property *property)
{
	return entry_id(KIND_PROPERTY, property, offsetof(struct property, id));
}

FUSION_API int fusion_property_destroy(struct fusion_property *property)
{
	struct tcache *c;
	int r;

	if (!property)
		return 0;
	c = property_cache(property, &r);
	if (!c)
		return told(r);
	r = property_destroy(&c->arena->view, c->rec, property_of(property));
	if (r < 0)
		return told(r);
	poke_visitors(c->arena);
	arena_poke(c->arena);
	return 0;
}

static int take_property(struct fusion_property *property,
			 enum property_request what, int64_t timeout_ns,
			 uint32_t flags)
{
	struct tcache *c;
	struct wait wait;
	int r;

	r = wait_begin(timeout_ns, flags, &wait);
	if (r < 0)
		return r;
	c = property_cache(property, &r);
	if (!c)
		return r;
	return property_take(&c->arena->view, c->rec, property_of(property),
			     what, &wait);
}

FUSION_API int fusion_property_lease(struct fusion_property *property)
{
	return told(take_property(property, PROPERTY_LEASE, FUSION_FOREVER, 0));
}

FUSION_API int fusion_property_lease_timed(struct fusion_property *property,
					   int64_t timeout_ns, uint32_t flags)
{
	return told(take_property(property, PROPERTY_LEASE, timeout_ns, flags));
}

FUSION_API int fusion_property_purchase(struct fusion_property *property)
{
	return told(
		take_property(property, PROPERTY_PURCHASE, FUSION_FOREVER, 0));
}

FUSION_API int fusion_property_purchase_timed(struct fusion_property *property,
					      int64_t timeout_ns,
					      uint32_t flags)
{
	return told(
		take_property(property, PROPERTY_PURCHASE, timeout_ns, flags));
}

/* Give @property back, whose record another property has: the thread may still
 * announce it. */
static int cede_stale(struct fusion_property *property)
{
	struct fusion_arena *arena = arena_of(property);
	struct tcache *c = arena ? tls_cache(arena) : NULL;

	if (c)
		property_forget(&arena->view, c->rec, property_of(property));
	return -EIDRM;
}

FUSION_API int fusion_property_cede(struct fusion_property *property)
{
	struct tcache *c;
	int r;

	c = property_cache(property, &r);
	if (!c)
		return told(r == -EIDRM ? cede_stale(property) : r);
	r = property_cede(&c->arena->view, c->rec, property_of(property));
	if (r <= 0)
		return told(r);
	poke_visitors(c->arena);
	return 0;
}

/* Wait until the thread of @token does not own @p any more. */
static int wait_freed(struct view *v, const struct property *p, uint32_t token,
		      struct wait *wait)
{
	int64_t nap = HOLD_UP_FIRST_NS, since;

	for (;;) {
		/* We must see the word that property_tell_all() announces, or
		 * sleep on an older `seq`: acquire here, release in
		 * property_tell_all(). */
		uint32_t seq = load_acquire(&p->seq);
		uint64_t w = property_word(p, &since);
		int64_t left = wait_nap(wait, nap);

		if (PROPERTY_OWNER(w) != token || !load_acquire(&p->id))
			return 0;
		if (!left)
			return wait_error(wait);
		/* Recovery wakes us, but perhaps only we can start it: so sleep
		 * for a short time, then look for a death. */
		wait_slept(wait, futex_wait(&p->seq, seq, left));
		life_suspect(v, token);
		if (nap < SUSPECT_FIRST_NS)
			nap *= 2;
	}
}

/* Kill a member without the daemon, which alone knows the owner of the arena.
 */
static int kill_alone(struct view *v, uint32_t slot)
{
	uid_t me = geteuid();
	int r;

	if (me != 0 && me != view_member(v, slot)->uid)
		return -EPERM;
	r = member_signal(v, slot, SIGKILL);
	/* The member is dead already, but not recovered. */
	return r == -ESRCH && member_is_dead(v, slot) ? 0 : r;
}

/* Kill the member in @slot.  A member may have overwritten the slot, so the
 * daemon decides by its own list which process that is; it may also kill
 * processes of other users. */
static int kill_member(struct fusion_arena *a, uint32_t slot)
{
	struct ioc_signal s = {.slot = slot, .signal = SIGKILL};
	struct view *v = &a->view;
	int r;

	if (slot == v->slot)
		return -EDEADLK;
	if (slot >= members_hi(v))
		return 0;
	s.id = load_relaxed(&view_member(v, slot)->id);
	r = arena_ask(a, FUSION_IOC_SIGNAL, &s);
	return r == -ENOTCONN || r == -ENOENT ? kill_alone(v, slot) : r;
}

/* Kill a shell: only the daemon knows its process.  If the daemon is gone, so
 * is the shell's purchase, which recovery is about to take back. */
static int kill_shell(struct fusion_arena *a, const struct property *p,
		      uint32_t id)
{
	struct ioc_hold_up h = {.index = property_index(&a->view, p), .id = id};
	int r = arena_ask(a, FUSION_IOC_HOLD_UP, &h);

	if (r == -ENOENT)
		return -ESRCH;
	return r == -ENOTCONN ? 0 : r;
}

static int kill_purchaser(struct fusion_arena *a, const struct property *p,
			  uint32_t *ret_owner)
{
	/* 0 must mean destroyed, not about to be created: acquire here, release
	 * in property_fini(). */
	uint32_t id = load_acquire(&p->id), slot;
	const struct thread_rec *t;
	int64_t since;
	uint64_t w;
	int r;

	*ret_owner = 0;
	if (!id)
		return -EIDRM;
	w = property_word(p, &since);
	t = w & PROPERTY_PURCHASED ? property_owner(&a->view, w) : NULL;
	if (!t)
		return 0;
	slot = load_relaxed(&t->member) - 1;
	r = slot ? kill_member(a, slot) : kill_shell(a, p, id);
	if (r == 0)
		*ret_owner = PROPERTY_OWNER(w);
	return r;
}

FUSION_API int fusion_property_hold_up(struct fusion_property *property,
				       int64_t timeout_ns, uint32_t flags)
{
	struct property *p = property_of(property);
	struct tcache *c;
	struct wait wait;
	uint32_t owner;
	int r;

	r = wait_begin(timeout_ns, flags, &wait);
	if (r < 0)
		return told(r);
	c = property_cache(property, &r);
	if (!c)
		return told(r);
	r = kill_purchaser(c->arena, p, &owner);
	/* A wait that is over when it begins is none. */
	if (r < 0 || !wait.deadline_ns || !owner)
		return told(r);
	return told(wait_freed(&c->arena->view, p, owner, &wait));
}

FUSION_API int fusion_property_stat(struct fusion_property *property,
				    struct fusion_property_stat *ret,
				    size_t size)
{
	struct fusion_property_stat stat = {.id = 0};
	const struct thread_rec *owner;
	struct tcache *c;
	int64_t since;
	uint64_t w;
	int r;

	c = property_cache(property, &r);
	if (!c)
		return told(r);
	/* Acquire here, release in property_fini(): a destroyed property is not
	 * taken for an available one. */
	stat.id = load_acquire(&property_of(property)->id);
	if (!stat.id)
		return told(-EIDRM);
	w = property_word(property_of(property), &since);
	owner = property_owner(&c->arena->view, w);
	if (PROPERTY_OWNER(w)) {
		stat.status = w & PROPERTY_PURCHASED ? FUSION_PROPERTY_PURCHASED
						     : FUSION_PROPERTY_LEASED;
		stat.owner =
			owner ? thread_member_id(&c->arena->view, owner) : 0;
		stat.levels = PROPERTY_LEVELS(w);
		stat.mine = owner == c->rec;
		stat.age_ns = since ? clock_monotonic_ns() - since : 0;
	}
	return told(result_give(ret, size, &stat, sizeof(stat),
				"fusion_property_stat"));
}
