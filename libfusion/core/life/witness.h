/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The witness of life: a kernel lock that lasts as long as a process maps it
 *
 * Each member slot has a byte in the arena's lock file.  A member holds an OFD
 * write lock on the byte of its slot.  The lock belongs to an open file
 * description of its own; a mapping of one page keeps that description, and no
 * descriptor does.  So the lock falls when the process ends, when it calls exec
 * and when it unmaps the page, and by nothing else:
 *
 *   the process closes every      the mapping stays
 *   descriptor
 *   it opens and closes the lock  that drops a POSIX lock, but not an OFD lock
 *   file
 *   it forks                      the child does not get the page
 *                                 (MADV_DONTFORK), and so does not keep the
 *                                 lock of a parent that was killed
 *   it is in other namespaces     the lock needs no pid and no time
 *
 * The daemon takes the lock before it answers a JOIN, and hands the description
 * over (protocol.h).  Invariant: from the claim of a slot on, a byte that is
 * not locked means that all threads of that member have stopped.
 */
#ifndef FUSION_CORE_WITNESS_H
#define FUSION_CORE_WITNESS_H

#include "libfusion/core/file/view.h"

#define LIFE_BYTE(slot) ((1ll << 61) + (slot))
/* OFD locked for reading while a forked child of the member in @slot takes over
 * its references (libfusion/refs/ref_fork.c). */
#define FORK_BYTE(slot) ((1ll << 60) + (slot))

/* What a probe says: no description has the lock, one has, or the probe could
 * not ask. */
enum witness { WITNESS_FREE, WITNESS_HELD, WITNESS_UNKNOWN };

/* Lock the witness of @slot on the description of @fd, a descriptor of the lock
 * file.  0; -EBUSY another description has it; -errno. */
int witness_take(int fd, uint32_t slot);
/* Keep the description of @fd, and so its lock, by a mapping; close @fd in any
 * case.  Call with the library's fork lock held: a child must not get @fd.
 * 0, -errno. */
int witness_keep(int fd, void **ret_page);
/* Drop the lock: unmap *@page, unless it is NULL. */
void witness_drop(void **page);
/* Ask whether a description has the witness of @slot.  WITNESS_UNKNOWN: the
 * descriptor of the lock file is lost, or the kernel does not answer. */
enum witness witness_probe(const struct view *v, uint32_t slot);

/* Lock FORK_BYTE(@slot) on the description of @fd if @on, else unlock it.
 * 0; -EBUSY; -errno. */
int witness_fork_mark(int fd, uint32_t slot, bool on);
/* Say whether a process has FORK_BYTE(@slot) locked; this one, if v->fork_of is
 * @slot. */
bool witness_fork_pending(const struct view *v, uint32_t slot);

#endif
