/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kinds of named things: a row of functions for each (names/kind.h).  The
 * room of names, and rooms between it and a kind, call the kind through its
 * row. */
#include "libfusion/core/heap/container.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/names/field.h"
#include "libfusion/core/names/kind.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_fall.h"
#include "libfusion/core/objects/object_pool.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/talk/borrow.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/reactor.h"

const struct kind_ops kind_ops[N_KINDS] = {
	[KIND_FIELD] = {.name = "field", .init = field_init},
	[KIND_SKIRMISH] = {.name = "skirmish",
			   .init = skirmish_init,
			   .fini = skirmish_fini},
	[KIND_REF] = {.name = "ref",
		      .init = ref_init,
		      .fini = ref_fini,
		      .quiet = ref_is_quiet},
	[KIND_PROPERTY] = {.name = "property",
			   .init = property_init,
			   .fini = property_fini},
	[KIND_CALL] = {.name = "call",
		       .init = call_init,
		       .fini = call_fini,
		       .borrow = lend_borrow},
	[KIND_REACTOR] = {.name = "reactor",
			  .init = reactor_init,
			  .fini = reactor_fini,
			  .quiet = reactor_is_quiet},
	[KIND_OBJECT_POOL] = {.name = "object-pool",
			      .init = object_pool_init,
			      .fini = object_pool_fini},
	[KIND_OBJECT] = {.name = "object",
			 .init = object_init,
			 .fini = object_fini,
			 .nameless = true,
			 .quiet = object_is_quiet,
			 .has_ref = object_has_ref,
			 .announce_reactor = object_announce_reactor,
			 .fallen = object_fall_tell},
	[KIND_HASH] = {.name = "hash", .init = container_init},
	[KIND_VECTOR] = {.name = "vector", .init = container_init},
	[KIND_LIST] = {.name = "list", .init = container_init},
};
