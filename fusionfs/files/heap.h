/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `heap`: the memory of an arena, to be read by tools
 *
 * A copy of what the backing file has at the moment of each read, as read(2)
 * gives it; never a mapping of it: members get the file itself by hand_over.h.
 * Nothing here touches mapped memory, so nothing can fault.
 */
#ifndef FUSIONFS_HEAP_H
#define FUSIONFS_HEAP_H

#include "fusionfs/world/node.h"

/* For row.stat: say the end of what is in use (of a corrupt arena: of the whole
 * file), and the memory that the file takes. */
void heap_stat(const struct node *n, struct stat *st);
/* Read at most @size bytes from @off.  *ret is good until the next call.
 * Returns how many bytes, -errno. */
ssize_t heap_read(struct arena *a, size_t size, off_t off, const char **ret);
/* Find data or a hole, for lseek(2).  Returns the offset, -ENXIO, -EINVAL. */
off_t heap_seek(struct arena *a, off_t off, int whence);

#endif
