/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "desk.h"

int desk_make(struct fusion_arena *arena, int32_t width, int32_t height,
	      struct desk **ret)
{
	struct desk *desk = fusion_calloc(arena, 1, sizeof(*desk));
	int r;

	if (!desk)
		return -errno;
	desk->magic = DESK_MAGIC;
	desk->width = width;
	desk->height = height;
	r = fusion_skirmish_create(arena, "server", NULL, &desk->server);
	if (r == 0)
		r = fusion_property_create(arena, "screen", NULL,
					   &desk->screen);
	if (r == 0)
		r = fusion_reactor_create(arena, "flips", NULL, &desk->flips);
	if (r == 0)
		r = surface_pool_create(arena, "surfaces", NULL,
					&desk->surfaces);
	if (r == 0)
		r = fusion_object_pool_unregister(desk->surfaces);
	if (r == 0)
		r = fusion_field_create(
			arena, "desk",
			&(struct fusion_field_options){
				.size = sizeof(struct fusion_field_options),
				.data_size = sizeof(*desk),
				.type = "desk",
				.data = desk},
			NULL);
	if (r == 0)
		*ret = desk;
	return r;
}

int desk_find(struct fusion_arena *arena, struct desk **ret)
{
	struct desk *desk;
	void *field;
	int r = fusion_field_lookup(arena, "desk", sizeof(*desk), "desk",
				    &field);

	if (r == -ENOENT || r == -EPROTOTYPE)
		return -EPROTO;
	if (r < 0)
		return r;
	desk = field;
	if (desk->magic != DESK_MAGIC)
		return -EPROTO;
	*ret = desk;
	return 0;
}
