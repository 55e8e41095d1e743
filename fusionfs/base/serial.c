/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/serial.h"

#include <stdbool.h>
#include <stdlib.h>

/* A test build begins just below where numbers begin anew. */
#ifndef SERIAL_START
#define SERIAL_START 0
#endif

#define BUCKETS 1024u /* numbers count up, so each bucket gets its share */

struct serial {
	struct serial *next;
	uint32_t number;
	bool there; /* what it numbers is not gone */
	uint64_t lookups;
};

static struct serial *buckets[BUCKETS];
static uint64_t last = SERIAL_START;

static struct serial **serial_at(uint32_t number)
{
	struct serial **s = &buckets[number % BUCKETS];

	while (*s && (*s)->number != number)
		s = &(*s)->next;
	return s;
}

static void drop_unused_serial(struct serial **at)
{
	struct serial *s = *at;

	if (s->there || s->lookups)
		return;
	*at = s->next;
	free(s);
}

uint64_t serial_begin(void)
{
	struct serial *s, **at;

	for (uint32_t tries = 0; tries < 1u << SERIAL_BITS; tries++) {
		uint32_t number = SERIAL_NUMBER(++last);

		at = serial_at(number);
		if (!number || *at)
			continue;
		s = malloc(sizeof(*s));
		if (!s)
			return 0;
		*s = (struct serial){.number = number, .there = true};
		*at = s;
		return last;
	}
	return 0;
}

void serial_end(uint64_t serial)
{
	struct serial **at = serial_at(SERIAL_NUMBER(serial));

	if (!*at)
		return;
	(*at)->there = false;
	drop_unused_serial(at);
}

void serial_looked_up(uint32_t number)
{
	struct serial *s = *serial_at(number);

	if (s)
		s->lookups++;
}

void serial_forgotten(uint32_t number, uint64_t lookups)
{
	struct serial **at = serial_at(number), *s = *at;

	if (!s)
		return;
	s->lookups -= lookups < s->lookups ? lookups : s->lookups;
	drop_unused_serial(at);
}

void serials_finish(void)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct serial *s;

		while ((s = buckets[i])) {
			buckets[i] = s->next;
			free(s);
		}
	}
}
