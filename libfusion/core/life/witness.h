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
 *   - The process may close every descriptor: the mapping stays.
 *   - The process may open and close the lock file: an OFD lock does not care,
 *     unlike a POSIX lock.
 *   - A child of fork does not get the page (MADV_DONTFORK): a parent that was
 *     killed does not seem to live on in it.
 *   - No number has a part in it: the answer is right across pid, time, user
 *     and mount namespaces.
 *
 * The daemon takes the lock before it answers a JOIN and hands the description
 * over (protocol.h).  From the claim of a slot on, a byte that is not locked
 * says that all threads of that member have stopped.
 */
#ifndef FUSION_CORE_WITNESS_H
#define FUSION_CORE_WITNESS_H

#include "libfusion/core/file/view.h"

#define LIFE_BYTE(slot) ((1ll << 61) + (slot))
/* OFD locked for reading while a child that the member in @slot has forked
 * takes over its references (libfusion/refs/ref_fork.c). */
#define FORK_BYTE(slot) ((1ll << 60) + (slot))

enum witness { WITNESS_FREE, WITNESS_HELD, WITNESS_UNKNOWN };

/* Lock the witness of @slot on the description of the lock file that @fd is of.
 * 0; -EBUSY another description has it; -errno. */
int witness_take(int fd, uint32_t slot);
/* Keep what witness_take() has locked by a mapping, and close @fd in any case.
 * Call with the library's fork lock held: a child must not get @fd.  0,
 * -errno. */
int witness_keep(int fd, void **ret_page);
/* Not a member any more.  Nothing if *page is NULL. */
void witness_drop(void **page);
/* Does anybody have the witness of @slot?  WITNESS_UNKNOWN: there is nothing to
 * ask with. */
enum witness witness_probe(const struct view *v, uint32_t slot);

/* FORK_BYTE(@slot), on the description of the lock file that @fd is of: lock
 * it, or no more.  0, -errno. */
int witness_fork_mark(int fd, uint32_t slot, bool on);
/* Is it locked, by any process?  v->fork_of: by this one. */
bool witness_fork_pending(const struct view *v, uint32_t slot);

#endif
