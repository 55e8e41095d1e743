/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boost's containers in shared memory; `locked`: each call with an
 * interprocess_mutex.  Who dies in one leaves it torn, and the mutex locked. */
#include <boost/container_hash/hash.hpp>
#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/list.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/containers/vector.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/unordered_map.hpp>

#include <string>
#include <utility>

#include <unistd.h>

#include "hash_load.h"

#define SEGMENT_SIZE (256ul << 20)

namespace ipc = boost::interprocess;

using manager = ipc::managed_shared_memory::segment_manager;
template <typename T> using alloc = ipc::allocator<T, manager>;
using text = ipc::basic_string<char, std::char_traits<char>, alloc<char>>;

struct text_hash {
	std::size_t operator()(const text &t) const
	{
		return boost::hash_range(t.begin(), t.end());
	}
	std::size_t operator()(const char *t) const
	{
		return boost::hash_range(t, t + strlen(t));
	}
};

struct text_equal {
	bool operator()(const text &a, const text &b) const
	{
		return a == b;
	}
	bool operator()(const char *a, const text &b) const
	{
		return b == a;
	}
	bool operator()(const text &a, const char *b) const
	{
		return a == b;
	}
};

using int_pair = std::pair<const uint64_t, uint64_t>;
using int_map = boost::unordered_map<uint64_t, uint64_t, boost::hash<uint64_t>,
				     std::equal_to<uint64_t>, alloc<int_pair>>;
using text_pair = std::pair<const text, uint64_t>;
using text_map = boost::unordered_map<text, uint64_t, text_hash, text_equal,
				      alloc<text_pair>>;
using words = ipc::vector<uint64_t, alloc<uint64_t>>;
using chain = ipc::list<uint64_t, alloc<uint64_t>>;

static ipc::managed_shared_memory *segment;
static int_map *ints;
static text_map *strings;
static words *vector;
static chain *list;
static ipc::interprocess_mutex *mutex;
static bool locked;

struct guard {
	guard()
	{
		if (locked)
			mutex->lock();
	}
	~guard()
	{
		if (locked)
			mutex->unlock();
	}
};

static void int_insert(uint64_t key, uint64_t value)
{
	guard g;

	ints->emplace(key, value);
}

static bool int_find(uint64_t key)
{
	guard g;

	return ints->find(key) != ints->end();
}

static void int_replace(uint64_t key, uint64_t value)
{
	guard g;

	(*ints)[key] = value;
}

static void int_remove(uint64_t key)
{
	guard g;

	ints->erase(key);
}

static uint64_t int_walk(void)
{
	uint64_t n = 0;
	guard g;

	for (auto it = ints->begin(); it != ints->end(); ++it)
		n++;
	return n;
}

static void int_reset(void)
{
	ints->clear();
	ints->rehash(0);
}

static void string_insert(const char *key, uint64_t value)
{
	guard g;

	strings->emplace(text(key, segment->get_segment_manager()), value);
}

static bool string_find(const char *key)
{
	guard g;

	return strings->find(key, text_hash(), text_equal()) != strings->end();
}

static void string_remove(const char *key)
{
	guard g;

	strings->erase(strings->find(key, text_hash(), text_equal()));
}

static void vector_add(uint64_t value)
{
	guard g;

	vector->push_back(value);
}

static uint64_t vector_at(uint64_t i)
{
	guard g;

	return (*vector)[i];
}

static uint64_t vector_walk(void)
{
	uint64_t sum = 0;
	guard g;

	for (auto value : *vector)
		sum += value;
	return sum;
}

static void vector_reset(void)
{
	words(segment->get_segment_manager()).swap(*vector);
}

static void list_add(uint64_t value)
{
	guard g;

	list->push_back(value);
}

static void list_remove_first(void)
{
	guard g;

	list->pop_front();
}

static uint64_t list_walk(void)
{
	uint64_t sum = 0;
	guard g;

	for (auto value : *list)
		sum += value;
	return sum;
}

/* The name goes at once: whatever happens, nothing stays. */
int main(int argc, char **argv)
{
	std::string name = "fusion-bench-" + std::to_string(getpid());

	locked = argc > 1 && !strcmp(argv[1], "locked");
	segment = new ipc::managed_shared_memory(ipc::create_only, name.c_str(),
						 SEGMENT_SIZE);
	ipc::shared_memory_object::remove(name.c_str());
	auto *m = segment->get_segment_manager();
	ints = segment->construct<int_map>("ints")(
		11, boost::hash<uint64_t>(), std::equal_to<uint64_t>(), m);
	strings = segment->construct<text_map>("strings")(11, text_hash(),
							  text_equal(), m);
	vector = segment->construct<words>("vector")(m);
	list = segment->construct<chain>("list")(m);
	mutex = segment->construct<ipc::interprocess_mutex>("mutex")();
	return hash_serve();
}
