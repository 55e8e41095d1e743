/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of a member that talks
 *
 *   handle [TYPE]            messages of this type, or all others, become lines
 *                            "message TYPE from SENDER size BYTES: TEXT"
 *   send ID TYPE TEXT [MS]
 *   sync                     wait until what has come is handled
 */
#include "member.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 63

/* Printable, and not too long. */
static void copy_text(char text[TEXT_MAX + 1], const void *data, size_t size)
{
	const unsigned char *p = data;
	size_t n = size < TEXT_MAX ? size : TEXT_MAX;

	for (size_t i = 0; i < n; i++)
		text[i] = isprint(p[i]) ? (char)p[i] : '.';
	text[n] = 0;
}

static void on_message(const struct fusion_message *m, void *ctx)
{
	char text[TEXT_MAX + 1];

	(void)ctx;
	copy_text(text, m->data, m->size);
	said("message %u from %u size %zu: %s", m->type, m->sender, m->size,
	     text);
}

static int do_handle(const struct words *c)
{
	uint32_t type = c->n > 1 ? (uint32_t)number(c, 1) : FUSION_ANY_TYPE;

	return answer(
		fusion_message_handle(arena_now(), type, on_message, NULL));
}

static int do_send(const struct words *c)
{
	const char *text = word(c, 3);

	return answer(fusion_message_send(
		arena_now(), (fusion_id_t)number(c, 1), (uint32_t)number(c, 2),
		text, strlen(text), 0, c->n > 4 ? ms(c, 4) : 0));
}

static int do_sync(const struct words *c)
{
	(void)c;
	return answer(fusion_sync(arena_now(), FUSION_FOREVER));
}

const struct command talk_commands[] = {
	{"handle", do_handle, true},
	{"send", do_send, true},
	{"sync", do_sync, true},
	{0},
};
