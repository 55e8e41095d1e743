/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The heap on a tmpfs that is full.  It takes a mount, and so root. */
#include "libfusion/core/heap/heap_check.h"
#include "tests/unit/heap_member.h"

#include <sys/mount.h>

static struct fusion_arena *arena;
static char dir[] = "/tmp/fusion-unit-XXXXXX";

static int set_up(void **state)
{
	struct arena_params params = {.name = "t",
				      .base = 0x552000000000ull,
				      .span = 64 << 20,
				      .max_members = 16};
	char path[64];
	int fd;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	if (mount("none", dir, "tmpfs", 0, "size=6m") < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/a", dir);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	if (format_arena(fd, &params) < 0)
		return -1;
	arena = image_enter(fd);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (arena)
		image_leave(arena);
	umount2(dir, MNT_DETACH);
	return rmdir(dir);
}

/* Every block that was given has its memory: never SIGBUS. */
static void full_tmpfs_is_ENOMEM(void **state)
{
	char *p;
	int n = 0;

	(void)state;
	while ((p = fusion_malloc(arena, 30000))) {
		memset(p, 7, 30000);
		n++;
	}
	assert_int_equal(errno, ENOMEM);
	assert_true(n > 20);
	assert_int_equal(heap_check(&arena->view, print_fault, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest heap_full[] = {
		cmocka_unit_test(full_tmpfs_is_ENOMEM),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests(heap_full, set_up, tear_down);
}
