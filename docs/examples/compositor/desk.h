/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The desk: what the compositor and its clients share
 *
 *   server          skirmish: who has it is the compositor; the others wait
 *   surfaces        pool: a window is an object, and lives as long as its
 * client references it screen          property: who has purchased it may fill
 * the whole screen flips           reactor: from clients, "this surface has a
 * new picture" surface.create  call: a window, please; the answer is its
 * surface screen.status   call: figures and a line for each window, as text
 *   screen.png      call: what is on the screen, as a picture
 *   desk            field: the struct desk
 *
 * The compositor makes a surface, and throws its reference to the client.  When
 * that lets go or dies the pool's destructor takes the window from the screen
 * and frees its pixels.
 *
 * Dead server: the skirmish passes to one that waited, with -EOWNERDEAD.  It
 * registers for the duty of the pool, so that surfaces which nobody references
 * any more end now, however far they were made, and draws all others.  A
 * surface is active before it has pixels, so its destructor frees them wherever
 * the server was killed.
 */
#ifndef COMPOSITOR_DESK_H
#define COMPOSITOR_DESK_H

#include <fusion/fusion.h>

#include "screen.h"

#define DESK_MAGIC 0x6b736564u /* "desk" */
#define DESK_TITLE 64

/* surface->flags */
#define SURFACE_OPAQUE 0x1u
#define SURFACE_FULL_SCREEN 0x2u

/* Type of the message by which a client learns that its flip is seen. */
#define DESK_SHOWN 1u

/* A window.  Its pixels are two pictures, one above the other: the client draws
 * in the one that is not shown. */
struct surface {
	fusion_id_t id; /* of the object */
	fusion_id_t client;
	int32_t x, y, z;
	int32_t width, height;
	int32_t stride; /* pixels */
	uint32_t flags;
	void *pixels;	    /* NULL: not yet */
	uint64_t sequence;  /* atomic: flips; the client's.  Its lowest bit says
			       which picture is to be seen */
	uint64_t shown;	    /* atomic: the flip that is seen; the server's */
	struct area damage; /* of the last flip */
	char title[DESK_TITLE];
};
FUSION_OBJECT_METHODS(struct surface, surface)

static inline uint32_t *surface_picture(const struct surface *surface,
					uint64_t sequence)
{
	return (uint32_t *)surface->pixels + (sequence & 1) *
						     (size_t)surface->stride *
						     (size_t)surface->height;
}

struct desk {
	uint32_t magic;
	int32_t width, height;
	struct fusion_skirmish *server;
	struct fusion_property *screen;
	struct fusion_reactor *flips;
	struct fusion_object_pool *surfaces;
};

/* What surface.create is given. */
struct wish {
	int32_t x, y, z;
	int32_t width, height;
	uint32_t flags;
	char title[DESK_TITLE];
};

/* What is dispatched at a flip.  A pointer is the same in all. */
struct flip {
	struct surface *surface;
	uint64_t sequence;
	fusion_id_t id; /* of the surface: it may be another one by now */
	struct area damage;
};

/* Make it, in the arena's initialize().  Who makes the pool has no more to do
 * with it than others. */
int desk_make(struct fusion_arena *arena, int32_t width, int32_t height,
	      struct desk **ret);
/* -EPROTO: the arena has another use. */
int desk_find(struct fusion_arena *arena, struct desk **ret);

#endif
