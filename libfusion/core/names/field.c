/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/names/field.h"

#include <errno.h>
#include <string.h>

#include "libfusion/core/names/name.h"
#include "libfusion/core/names/table_lens.h"

/* The argument of field_init(), through table_add(). */
struct field_arg {
	uint64_t addr, size;
	const char *type;
};

void field_init(struct view *v, void *rec, const void *arg)
{
	const struct field_arg *from = arg;
	struct field_rec *f = rec;

	(void)v;
	f->addr = from->addr;
	f->size = from->size;
	memset(f->type, 0, sizeof(f->type));
	memcpy(f->type, from->type, strnlen(from->type, FIELD_TYPE_MAX));
}

static int field_check_type(const char *type)
{
	if (strlen(type) > FIELD_TYPE_MAX)
		return -ENAMETOOLONG;
	for (const char *p = type; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return -EINVAL;
	return 0;
}

int field_check(const char *name, const char *type)
{
	int r = name_check_entry(name);

	return r || !type ? r : field_check_type(type);
}

int field_add(struct view *v, struct thread_rec *me, const char *name,
	      uint64_t addr, uint64_t size, const char *type, uint32_t creator)
{
	const struct field_arg arg = {addr, size, type ? type : ""};
	uint32_t i;
	int r = field_check(name, type);

	return r ? r : table_add(v, me, KIND_FIELD, name, creator, &arg, &i);
}

int field_get(struct view *v, struct thread_rec *me, const char *name,
	      struct field_rec *ret)
{
	return table_get(v, me, KIND_FIELD, name, NULL, ret);
}

int field_remove(struct view *v, struct thread_rec *me, const char *name)
{
	return table_remove_name(v, me, KIND_FIELD, name);
}

void field_clean(struct field_rec *f)
{
	f->type[FIELD_TYPE_MAX] = '\0';
	for (char *p = f->type; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

int field_copy(const struct view *v, uint32_t i, struct field_rec *ret)
{
	struct field_rec f;
	int r = table_copy(v, KIND_FIELD, i, &f);

	if (r < 0)
		return r;
	field_clean(&f);
	*ret = f;
	return 0;
}
