/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a test and the interposer in another process share
 *
 * $FAULT_CONTROL names a file with this struct, which both map.  The test says
 * which call is to fail, and the interposer counts and says what it did.
 */
#ifndef TESTS_FAULT_CONTROL_H
#define TESTS_FAULT_CONTROL_H

#include <stdint.h>

/** What fails.  docs/reliability.md has a row for each. */
enum fault_class {
	FAULT_NONE,
	FAULT_ALLOC,   /**< private memory */
	FAULT_LIBFUSE, /**< private memory that libfuse wants */
	FAULT_FD,      /**< a descriptor */
	FAULT_THREAD,  /**< a thread, a process or a timer */
	FAULT_MAP,     /**< a mapping */
	FAULT_SPACE,   /**< room in a file system */
	FAULT_WATCH,   /**< epoll_ctl and pidfd_open */
	FAULT_EINTR,   /**< a signal ends a call that can be interrupted */
	FAULT_SHORT,   /**< a read or write does a part of its work */
	FAULT_CLOCK,   /**< real and boot time jump */
	FAULT_STOP, /**< the process stops (SIGSTOP) where a signal could end a
		       call */
	FAULT_CLASSES,
};

/** fault_control.wanted: about one call in four fails. */
#define FAULT_EACH UINT32_MAX

/** Places in the code that make calls of the class. */
#define FAULT_SITES 256

/** One such place, and which calls it made. */
struct fault_site {
	uint64_t at;
	uint32_t first, last;
};

struct fault_control {
	uint32_t armed;	  /**< enum fault_class */
	uint32_t wanted;  /**< number of the call that fails, from 1 */
	int32_t error;	  /**< its errno */
	uint32_t seen;	  /**< calls of the class so far */
	uint32_t fired;	  /**< faults so far */
	uint32_t excused; /**< faults that have excused a failure */
	uint32_t refused; /**< failures that were as promised */
	int32_t pid;	  /**< process of the last fault */
	int64_t jump_ns;  /**< how far the clocks jump */
	uint64_t at;   /**< the call of the last fault, from its file's start */
	char call[32]; /**< the function that failed */
	/** Filled while wanted is 0. */
	struct fault_site sites[FAULT_SITES];
	uint32_t n_sites;
	uint32_t sites_lock;
};

#endif
