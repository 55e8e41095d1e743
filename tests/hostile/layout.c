/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout FILE NAME: where something is in the arena of that backing file
 *
 * A test that does harm by the byte takes the places from here: they are those
 * of the headers, whatever changes there.
 */
#include <stdio.h>
#include <string.h>

#include "libfusion/core/file/view.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/objects/object.h"

/* clang-format off */
#define IN(type, member) {#type "." #member, offsetof(struct type, member)}
#define SIZE(type)       {#type, sizeof(struct type)}
#define HI(table)        {#table ".hi", offsetof(struct superblock, table) + \
				       offsetof(struct table_head, hi)}
/* clang-format on */

/* Within a record or the superblock, and sizes. */
static const struct place {
	const char *name;
	uint64_t at;
} fixed[] = {
	SIZE(superblock),
	SIZE(entry),
	SIZE(thread_rec),
	SIZE(object_item),
	{"record", ENTRY_SIZE},
	IN(superblock, base),
	IN(superblock, state),
	IN(superblock, master),
	IN(superblock, life_seq),
	IN(superblock, members_hi),
	IN(superblock, threads_hi),
	IN(superblock, deaths),
	IN(superblock, root),
	IN(superblock, limit),
	IN(superblock, next_entry),
	IN(superblock, visitor_bell),
	IN(superblock, event_lock),
	IN(superblock, event_head),
	IN(superblock, event_word),
	HI(tables[KIND_SKIRMISH]),
	HI(rows),
	IN(entry, next),
	IN(thread_rec, token),
	IN(thread_rec, waits_for),
	IN(thread_rec, n_skirmishes),
	IN(thread_rec, skirmishes[0]),
	IN(thread_rec, skirmishes[1]),
	IN(object, items),
};

static int say(const char *name, const struct geometry *geo)
{
	const struct place regions[] = {
		{"events", geo->off_events},
		{"guard", geo->off_guard},
		{"members", geo->off_members},
		{"threads", geo->off_threads},
		{"fields", geo->tables[KIND_FIELD].off},
		{"fallen", geo->off_fallen},
		{"rows", geo->off_rows},
		{"slots", geo->off_slots},
		{"rings", geo->off_rings},
		{"ring_mem", geo->off_ring_mem},
	};
	const struct place *found = NULL;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (!strcmp(fixed[i].name, name))
			found = &fixed[i];
	for (size_t i = 0; i < sizeof(regions) / sizeof(*regions); i++)
		if (!strcmp(regions[i].name, name))
			found = &regions[i];
	if (!found) {
		fprintf(stderr, "layout: nothing is called %s\n", name);
		return 1;
	}
	printf("%llu\n", (unsigned long long)found->at);
	return 0;
}

int main(int argc, char **argv)
{
	struct superblock sb;
	struct geometry geo;
	FILE *f = argc == 3 ? fopen(argv[1], "r") : NULL;

	if (!f || fread(&sb, sizeof(sb), 1, f) != 1 ||
	    geometry_init(&geo, sb.span, sb.max_members) < 0) {
		fprintf(stderr, "usage: layout BACKING-FILE NAME\n");
		return 1;
	}
	fclose(f);
	return say(argv[2], &geo);
}
