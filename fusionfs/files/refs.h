/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refs/ */
#ifndef FUSIONFS_REFS_H
#define FUSIONFS_REFS_H

#include "fusionfs/world/node.h"

int ref_show(const struct node *n, struct text *t);
/* Add a line for each reference that @member counts. */
void refs_of_member_show(struct view *v, uint32_t member, struct text *t);
/* Add the counts of reference @index, a line for each member. */
void ref_counts_show(struct view *v, uint32_t index, struct text *t);

#endif
