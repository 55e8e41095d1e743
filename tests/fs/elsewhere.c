/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that has things where arenas lie
 *
 *   elsewhere hole FROM SLOTS ARENA [SPAN]   all of both windows is taken but
 *       so many slots from this one (SLOTS may be 0); enter, and say in which
 *       slot the arena lies, or what was wrong
 *   elsewhere many N MOUNT...   be in N arenas of each mount at a time; "N
 * each"
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <fusion/fusion.h>

#include "libfusion/core/file/window.h"

#define MOST 300

static void print_log(int level, const char *message, void *ctx)
{
	(void)level;
	(void)ctx;
	fprintf(stderr, "%s\n", message);
}

static int take(uint32_t slot)
{
	void *at = (void *)(uintptr_t)window_address(slot);

	if (mmap(at, WINDOW_SLOT, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			 MAP_FIXED_NOREPLACE,
		 -1, 0) == at)
		return 0;
	/* A sanitizer was faster: taken is taken. */
	return errno == EEXIST ? 0 : -errno;
}

static int slot_of(const void *base)
{
	for (uint32_t i = 0; i < ALL_SLOTS; i++)
		if (window_address(i) == (uintptr_t)base)
			return (int)i;
	return -1;
}

static int hole(uint32_t from, uint32_t n, const char *name, uint64_t span)
{
	struct fusion_arena_options o = {.size = sizeof(o), .span = span};
	struct fusion_arena *a;
	void *base;
	int r;

	for (uint32_t i = 0; i < ALL_SLOTS; i++) {
		if (i >= from && i < from + n)
			continue;
		r = take(i);
		if (r < 0) {
			printf("slot %u: %s\n", i, strerror(-r));
			return 1;
		}
	}
	r = fusion_arena_enter(name, &o, &a);
	if (r < 0) {
		printf("%s\n", strerrorname_np(-r));
		return 0;
	}
	fusion_arena_range(a, &base, NULL);
	printf("slot %d\n", slot_of(base));
	if (!fusion_malloc(a, 1000))
		printf("no memory\n");
	return fusion_arena_exit(a) < 0;
}

static int enter_one(const char *mount, int i, struct fusion_arena **ret)
{
	struct fusion_arena_options o = {.size = sizeof(o)};
	char path[4096];
	int r;

	/* Some take more than a slot. */
	o.span = i % 8 ? SPAN_MIN : 2 * WINDOW_SLOT;
	snprintf(path, sizeof(path), "%s/a%d", mount, i);
	r = fusion_arena_enter(path, &o, ret);
	if (r < 0)
		printf("%s: %s\n", path, strerror(-r));
	return r;
}

static int many(int n, int n_mounts, char **mounts)
{
	static struct fusion_arena *arenas[MOST];
	void *blocks[MOST];
	int all = 0;

	for (int i = 0; i < n; i++)
		for (int m = 0; m < n_mounts && all < MOST; m++) {
			if (enter_one(mounts[m], i, &arenas[all]) < 0)
				return 1;
			blocks[all] = fusion_malloc(arenas[all], 100);
			memset(blocks[all], all, 100);
			all++;
		}
	for (int i = 0; i < all; i++)
		if (fusion_arena_of(blocks[i]) != arenas[i] ||
		    *(unsigned char *)blocks[i] != (unsigned char)i ||
		    fusion_arena_exit(arenas[i]) < 0) {
			printf("arena %d is not as it was\n", i);
			return 1;
		}
	printf("%d each\n", n);
	return 0;
}

int main(int argc, char **argv)
{
	fusion_set_log(print_log, NULL);
	if (argc >= 5 && !strcmp(argv[1], "hole"))
		return hole((uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]),
			    argv[4], argc > 5 ? strtoull(argv[5], NULL, 0) : 0);
	if (argc >= 4 && !strcmp(argv[1], "many"))
		return many(atoi(argv[2]), argc - 3, argv + 3);
	return 2;
}
