/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers without a name: what most tests of containers create. */
#ifndef TESTS_NAMELESS_CONTAINER_H
#define TESTS_NAMELESS_CONTAINER_H

#include <fusion/fusion.h>

static inline int hash_create(struct fusion_arena *a, uint32_t keys,
			      uint32_t flags, struct fusion_hash **ret)
{
	const struct fusion_hash_options options = {sizeof(options), keys,
						    flags};

	return fusion_hash_create(a, NULL, &options, ret);
}

static inline int vector_create(struct fusion_arena *a, uint32_t flags,
				struct fusion_vector **ret)
{
	const struct fusion_vector_options options = {.size = sizeof(options),
						      .flags = flags};

	return fusion_vector_create(a, NULL, &options, ret);
}

static inline int list_create(struct fusion_arena *a, uint32_t flags,
			      struct fusion_list **ret)
{
	const struct fusion_list_options options = {.size = sizeof(options),
						    .flags = flags};

	return fusion_list_create(a, NULL, &options, ret);
}

#endif
