/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The desk: what the compositor and its clients share
 *
 *   server          skirmish: its owner is the compositor, the others wait
 *   surfaces        pool: a window is an object, referenced by its client
 *   screen          property: its purchaser may fill the whole screen
 *   flips           reactor: a client says that a surface has a new picture
 *   surface.create  call: creates a window; the answer is its surface
 *   screen.status   call: answers numbers and a line for each window, as text
 *   screen.png      call: answers what is on the screen, as a picture
 *   desk            field: the struct desk
 *
 * The compositor creates a surface and throws its reference to the client.  If
 * the client gives the reference back or dies, the pool's destructor takes the
 * window from the screen and frees its pixels.
 *
 * Dead server: the skirmish passes to a waiting compositor, with -EOWNERDEAD.
 * It registers for the duty of the pool.  So surfaces without references end
 * now, however far the dead server had made them; all others are drawn.  A
 * surface is active before it has pixels: its destructor frees the pixels,
 * wherever the server was killed.
 */
#ifndef COMPOSITOR_DESK_H
#define COMPOSITOR_DESK_H

#include <fusion/fusion.h>
#include <fusion/object_methods.h>

#include "screen.h"

#define DESK_MAGIC 0x6b736564u /* "desk" */
#define DESK_TITLE 64

/* surface->flags */
#define SURFACE_OPAQUE 0x1u
#define SURFACE_FULL_SCREEN 0x2u

/* The type of the message that tells a client: your flip is shown. */
#define DESK_SHOWN 1u

/* A window.  Its pixels are two pictures, one after the other.  Invariant: the
 * client draws only in the picture that is not shown. */
struct surface {
	fusion_id_t id; /* id of the object */
	fusion_id_t client;
	int32_t x, y, z;
	int32_t width, height;
	int32_t stride; /* pixels */
	uint32_t flags;
	void *pixels;	    /* NULL until they are allocated */
	uint64_t sequence;  /* atomic: number of flips, by the client.  The
			       lowest bit says which picture is to be shown */
	uint64_t shown;	    /* atomic: the flip that is shown, by the server */
	struct area damage; /* what the last flip changed */
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

/* The argument of surface.create. */
struct wish {
	int32_t x, y, z;
	int32_t width, height;
	uint32_t flags;
	char title[DESK_TITLE];
};

/* The message of a flip.  A pointer is valid in all members. */
struct flip {
	struct surface *surface;
	uint64_t sequence;
	fusion_id_t
		id; /* of the surface, since its address may be used again */
	struct area damage;
};

/* Create the desk, in the arena's initialize().  The member that creates the
 * pool gives its duty back at once. */
int desk_make(struct fusion_arena *arena, int32_t width, int32_t height,
	      struct desk **ret);
/* Find the desk.  Returns 0; -EPROTO: the arena has none. */
int desk_find(struct fusion_arena *arena, struct desk **ret);

#endif
