/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/attributes.h"

void attributes_set_size(struct stat *st, uint64_t size)
{
	st->st_size = (off_t)size;
	st->st_blocks = (st->st_size + 511) / 512;
}

void attributes_set_times(struct stat *st, uint64_t ns)
{
	st->st_mtim.tv_sec = (time_t)(ns / 1000000000);
	st->st_mtim.tv_nsec = (long)(ns % 1000000000);
	st->st_ctim = st->st_atim = st->st_mtim;
}
