/* SPDX-License-Identifier: GPL-2.0-or-later */
/* properties/ */
#ifndef FUSIONFS_PROPERTIES_H
#define FUSIONFS_PROPERTIES_H

#include "fusionfs/world/node.h"

extern const struct lock_ops property_locks;

int property_show(const struct node *n, struct text *t);
/* For row.create. */
int property_make(struct view *v, struct thread_rec *me, const char *name,
		  uint32_t *ret_index);
const char *property_state_name(uint64_t word);

#endif
