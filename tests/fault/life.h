/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that a fault may make fail, once. */
#ifndef TESTS_FAULT_LIFE_H
#define TESTS_FAULT_LIFE_H

#include <dirent.h>
#include <stdbool.h>
#include <unistd.h>

#include "tests/fault/control.h"

/** Has this call failed for a fault, and is it to be made again?  Ends the
 *  program if it has failed for another reason, or in another way. */
bool has_failed(const char *name, int r);

/** Call the function, and once more if a fault made it fail. */
#define CALL(function, ...)                         \
	({                                          \
		int r_;                             \
                                                    \
		do                                  \
			r_ = function(__VA_ARGS__); \
		while (has_failed(#function, r_));  \
		r_;                                 \
	})

/** The same, for one that returns a block, or NULL and errno. */
#define MAKE(function, ...)                                     \
	({                                                      \
		void *p_;                                       \
                                                                \
		do                                              \
			p_ = function(__VA_ARGS__);             \
		while (has_failed(#function, p_ ? 0 : -errno)); \
		p_;                                             \
	})

static inline int entries_of(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2;
}

/** Threads end, and descriptors are closed, a little later. */
static inline bool entries_become(const char *path, int n)
{
	for (int i = 0; i < 2000; i++) {
		if (entries_of(path) == n)
			return true;
		usleep(1000);
	}
	return false;
}

#endif
