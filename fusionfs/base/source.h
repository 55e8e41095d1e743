/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Something the main loop waits for. */
#ifndef FUSIONFS_SOURCE_H
#define FUSIONFS_SOURCE_H

struct source {
	void (*ready)(struct source *s);
};

/* 0, -errno. */
int source_add(struct source *s, int fd);
/* It is going: forget what it had still to be told. */
void source_drop(struct source *s);

#endif
