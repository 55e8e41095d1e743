/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hashes/, vectors/, lists/
 *
 * The memory of a container is the members', who change it meanwhile and may
 * scribble on it.  So the daemon reads it through the descriptor: there a hole
 * takes no memory, and a truncated file is an end.  What makes no sense is
 * shown as unknown.
 */
#include "fusionfs/files/containers.h"

#include <inttypes.h>
#include <unistd.h>

#include <fusion/hash.h>

#include "fusionfs/world/record.h"
#include "libfusion/core/heap/container.h"

/* Copy @size bytes at the address @addr of members.  Say whether they are
 * there. */
static bool copy_memory(const struct arena *a, uint64_t addr, void *ret,
			size_t size)
{
	uint64_t off = addr - a->base, span = a->view.geo.span;

	return off < span && size <= span - off &&
	       pread(a->store.heap, ret, size, (off_t)off) == (ssize_t)size;
}

static bool copy_header(const struct arena *a, uint64_t addr, uint32_t kind)
{
	struct container c;

	return copy_memory(a, addr, &c, sizeof(c)) &&
	       c.mark == container_mark((void *)(uintptr_t)addr, kind);
}

/* Read the number of entries from the block that a hash or vector uses. */
static bool read_twin_count(const struct arena *a, uint64_t addr, uint64_t *ret)
{
	struct twin twin;
	struct twin_head head = {0};
	uint64_t block;

	if (!copy_memory(a, addr + sizeof(struct container), &twin,
			 sizeof(twin)))
		return false;
	block = (uint64_t)(uintptr_t)twin.block[twin.turns & 1];
	if (block && !copy_memory(a, block, &head, sizeof(head)))
		return false;
	*ret = head.n;
	return true;
}

static bool read_count(const struct arena *a, uint64_t addr, uint32_t kind,
		       uint64_t *ret)
{
	if (!copy_header(a, addr, kind))
		return false;
	if (kind == CONTAINER_LIST)
		return copy_memory(a, addr + CONTAINER_LIST_N, ret,
				   sizeof(*ret));
	if (!read_twin_count(a, addr, ret))
		return false;
	if (kind == CONTAINER_VECTOR)
		*ret &= UINT32_MAX;
	return true;
}

static void add_flags(struct text *t, uint32_t flags)
{
	text_add(t, "flags");
	if (flags & FUSION_CONTAINER_LOCK)
		text_add(t, " lock");
	if (flags & FUSION_CONTAINER_WORDS)
		text_add(t, " words");
	if (flags & FUSION_CONTAINER_AUTOFREE)
		text_add(t, " autofree");
	if (flags & FUSION_CONTAINER_BYTES)
		text_add(t, " bytes");
	text_add(t, flags ? "\n" : " none\n");
}

static const char *keys_name(uint32_t keys)
{
	static const char *const names[] = {
		[FUSION_KEY_STRING] = "string",
		[FUSION_KEY_INT] = "int",
		[FUSION_KEY_POINTER] = "pointer",
		[FUSION_KEY_BYTES] = "bytes",
	};

	return keys && keys <= FUSION_KEY_BYTES ? names[keys] : "unknown";
}

static int container_show(const struct node *n, struct text *t, uint32_t kind)
{
	uint64_t count;
	union record o;
	int r = record_get(n, &o);

	if (r < 0)
		return r;
	if (read_count(n->arena, o.container.addr, kind, &count))
		text_add(t, "count %" PRIu64 "\n", count);
	else
		text_add(t, "count unknown\n");
	if (kind == CONTAINER_HASH)
		text_add(t, "keys %s\n", keys_name(o.container.keys));
	add_flags(t, o.container.flags);
	text_add(t, "address 0x%" PRIx64 "\n", o.container.addr);
	return 0;
}

int hash_show(const struct node *n, struct text *t)
{
	return container_show(n, t, CONTAINER_HASH);
}

int vector_show(const struct node *n, struct text *t)
{
	return container_show(n, t, CONTAINER_VECTOR);
}

int list_show(const struct node *n, struct text *t)
{
	return container_show(n, t, CONTAINER_LIST);
}
