/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kinds of named things: a row for each. */
#include "libfusion/core/call.h"
#include "libfusion/core/field.h"
#include "libfusion/core/property.h"
#include "libfusion/core/reactor.h"
#include "libfusion/core/ref.h"
#include "libfusion/core/skirmish.h"
#include "libfusion/core/table.h"

const struct kind_ops kind_ops[N_KINDS] = {
	[KIND_FIELD] = {"field", field_init, NULL},
	[KIND_SKIRMISH] = {"skirmish", skirmish_init, skirmish_fini},
	[KIND_REF] = {"ref", ref_init, ref_fini},
	[KIND_PROPERTY] = {"property", property_init, property_fini},
	[KIND_CALL] = {"call", call_init, call_fini},
	[KIND_REACTOR] = {"reactor", reactor_init, reactor_fini},
};
