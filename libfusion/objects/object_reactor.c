/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An object's reactor, which is made when somebody first listens. */
#include <errno.h>

#include "libfusion/base/refuse.h"
#include "libfusion/core/talk/reactor.h"
#include "libfusion/objects/object.h"
#include "libfusion/talk/reactor.h"

FUSION_API int fusion_object_reactor(struct fusion_object *object,
				     struct fusion_reactor **ret)
{
	struct reactor *re;
	struct object *o;
	struct tcache *c;
	int r;

	if (!ret)
		return told(refuse_null("object", "ret"));
	o = object_of(object, &c, &r);
	if (!o)
		return told(r);
	r = object_reactor_make(&c->arena->view, c->rec, o, c->arena->id, &re);
	if (r == 0)
		*ret = entry_handle(re, load_relaxed(&re->e.id));
	return told(r);
}

/* Return the object's reactor; NULL and *ret_error: 0 nobody ever listened. */
static struct fusion_reactor *existing_reactor(struct fusion_object *object,
					       int *ret_error)
{
	struct tcache *c;
	struct object *o = object_of(object, &c, ret_error);
	struct reactor *re;

	if (!o)
		return NULL;
	*ret_error = 0;
	re = object_reactor(&c->arena->view, o);
	return re ? entry_handle(re, load_relaxed(&re->e.id)) : NULL;
}

FUSION_API int
fusion_object_attach(struct fusion_object *object,
		     const struct fusion_reactor_attach_options *options,
		     fusion_reaction_fn fn, void *ctx,
		     struct fusion_reaction **ret)
{
	struct fusion_reactor *reactor = NULL;
	int r = fusion_object_reactor(object, &reactor);

	return told(
		r < 0 ? r
		      : fusion_reactor_attach(reactor, options, fn, ctx, ret));
}

FUSION_API int fusion_object_detach(struct fusion_reaction *reaction)
{
	return told(fusion_reactor_detach(reaction));
}

FUSION_API int
fusion_object_attach_global(struct fusion_object *object,
			    const struct fusion_reactor_global_options *options,
			    void *ctx)
{
	struct fusion_reactor *reactor = NULL;
	int r = fusion_object_reactor(object, &reactor);

	return told(
		r < 0 ? r
		      : fusion_reactor_attach_global(reactor, options, ctx));
}

FUSION_API int
fusion_object_detach_global(struct fusion_object *object,
			    const struct fusion_reactor_global_options *options,
			    void *ctx)
{
	struct fusion_reactor *reactor;
	int r;

	reactor = existing_reactor(object, &r);
	if (!reactor)
		return told(r ? r : -ENOENT);
	return told(fusion_reactor_detach_global(reactor, options, ctx));
}

FUSION_API int
fusion_object_dispatch(struct fusion_object *object,
		       const struct fusion_reactor_dispatch_options *options,
		       const void *data, size_t size)
{
	struct fusion_reactor *reactor;
	int r;

	reactor = existing_reactor(object, &r);
	if (reactor)
		return told(
			fusion_reactor_dispatch(reactor, options, data, size));
	return told(r < 0 ? r : reactor_check_dispatch(options, data, size));
}
