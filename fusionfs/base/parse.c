/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int parse_bytes(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	if (*end && (unit = strchr(units, toupper((unsigned char)*end)))) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);

		if (n > UINT64_MAX >> shift)
			return -EINVAL;
		n <<= shift;
		end++;
	}
	if (*end && !(*end == '\n' && !end[1]))
		return -EINVAL;
	*ret = n;
	return 0;
}

int parse_number(const char *text, uint32_t max, uint32_t *ret)
{
	unsigned long long n;
	char again[16];

	n = strtoull(text, NULL, 10);
	if (n > max)
		return -EINVAL;
	snprintf(again, sizeof(again), "%llu", n);
	*ret = (uint32_t)n;
	return strcmp(again, text) == 0 ? 0 : -EINVAL;
}
