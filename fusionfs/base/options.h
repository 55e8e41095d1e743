/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options: what the command line and mount -o say. */
#ifndef FUSIONFS_OPTIONS_H
#define FUSIONFS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

#include "fusionfs/base/quota.h"

/* No limit is given: the standard one. */
#define QUOTA_UNSET UINT64_MAX

struct options {
	char *mountpoint; /* absolute once it was checked */
	char *backing; /* directory; found from the mountpoint if not given */
	uint64_t size; /* limit of a new arena, 0 none */
	uint64_t span;
	uint32_t max_members;
	uint64_t user_limits[N_QUOTAS]; /* 0 none; QUOTA_UNSET */
	unsigned long flags; /* MS_RDONLY and so on, for the kernel */
	char *mount_options; /* others for it: ",a,b", or NULL */
	char *changeable;    /* those given that a running server can change:
				",a=1,b=2", or NULL */
	bool foreground, debug, allow_other, nonempty, remount;
	bool help, version;
	/* The rest, for libfuse: argv of its own. */
	int argc;
	char **argv;
};

/* Parse the command line.  0, or -EINVAL after a complaint. */
int options_parse(struct options *o, int argc, char **argv);
/* Print the usage. */
void options_help(void);
/* Change options of a running server, such as "a=1,b=2": all of them or none.
 * 0; -EINVAL one of them is wrong or cannot change; -ENOMEM. */
int options_change(struct options *o, const char *list);
/* Check whether options_change() would change them.  Its errors. */
int options_check(const struct options *o, const char *list);
/* Write the flags as text for libfuse, ",a,b", to @list. */
void options_flags(unsigned long flags, char *list, size_t size);

#endif
