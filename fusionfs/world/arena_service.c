/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/arena_service.h"

#include <stddef.h>

#include "fusionfs/world/arena.h"

static const struct arena_service *const *services;

void arena_services_begin(const struct arena_service *const all[])
{
	services = all;
}

#define CALL_EACH(name)                               \
	void arena_services_##name(struct arena *a)   \
	{                                             \
		for (int i = 0; services[i]; i++)     \
			if (services[i]->name)        \
				services[i]->name(a); \
	}

#define ASK_EACH(name)                                                 \
	bool arena_services_##name(const struct arena *a)              \
	{                                                              \
		for (int i = 0; services[i]; i++)                      \
			if (services[i]->name && services[i]->name(a)) \
				return true;                           \
		return false;                                          \
	}

CALL_EACH(adopt)
CALL_EACH(begin_life)
CALL_EACH(announce)
CALL_EACH(postpone)
CALL_EACH(refuse)
CALL_EACH(forget)
CALL_EACH(end_life)
CALL_EACH(stop)
ASK_EACH(is_joined)
ASK_EACH(is_used)

const struct view_acts *arena_services_acts(void)
{
	for (int i = 0; services[i]; i++)
		if (services[i]->acts)
			return services[i]->acts;
	return NULL;
}
