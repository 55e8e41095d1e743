/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kinds of named things: a row for each. */
#include "libfusion/core/call.h"
#include "libfusion/core/field.h"
#include "libfusion/core/object.h"
#include "libfusion/core/property.h"
#include "libfusion/core/reactor.h"
#include "libfusion/core/ref.h"
#include "libfusion/core/skirmish.h"
#include "libfusion/core/table.h"

const struct kind_ops kind_ops[N_KINDS] = {
	[KIND_FIELD] = {"field", field_init},
	[KIND_SKIRMISH] = {"skirmish", skirmish_init, skirmish_fini},
	[KIND_REF] = {"ref", ref_init, ref_fini, .quiet = ref_is_quiet},
	[KIND_PROPERTY] = {"property", property_init, property_fini},
	[KIND_CALL] = {"call", call_init, call_fini},
	[KIND_REACTOR] = {"reactor", reactor_init, reactor_fini,
			  .quiet = reactor_is_quiet},
	[KIND_OBJECT_POOL] = {"object-pool", object_pool_init,
			      object_pool_fini},
	[KIND_OBJECT] = {"object", object_init, object_fini, .nameless = true,
			 .quiet = object_is_quiet},
};
