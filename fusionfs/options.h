/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line says. */
#ifndef FUSIONFS_OPTIONS_H
#define FUSIONFS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	char *mountpoint; /* absolute once it was checked */
	char *backing; /* directory; found from the mountpoint if not given */
	uint64_t size; /* limit of a new arena, 0 none */
	uint64_t span;
	uint32_t max_members;
	char *mount_options; /* for the kernel: ",a,b", or NULL */
	bool foreground, debug, allow_other, nonempty;
	bool help, version;
	/* The rest, for libfuse: argv of its own. */
	int argc;
	char **argv;
};

/* 0, or -EINVAL after a complaint. */
int options_parse(struct options *o, int argc, char **argv);
void options_help(void);
/* "64M" and the like: bytes.  0, -EINVAL. */
int parse_bytes(const char *text, uint64_t *ret);

#endif
