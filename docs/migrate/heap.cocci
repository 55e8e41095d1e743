// The heap: blocks are freed without an arena, and heap pools have their name
//
// fusion_free(arena, ptr), fusion_usable_size(arena, ptr) and
// fusion_free_from(arena, slot) lose their first argument: the address tells
// the arena.
@@
expression arena, ptr;
@@
- fusion_free(arena, ptr)
+ fusion_free(ptr)

@@
expression arena, ptr;
@@
- fusion_usable_size(arena, ptr)
+ fusion_usable_size(ptr)

@@
expression arena, slot;
@@
- fusion_free_from(arena, slot)
+ fusion_free_from(slot)

// struct fusion_heap_stats is struct fusion_heap_stat, and fusion_heap_stats()
// is fusion_heap_stat(), which gets the size of the struct that it fills.
@@
@@
- struct fusion_heap_stats
+ struct fusion_heap_stat

@@
expression arena, stat;
@@
- fusion_heap_stats(arena, &stat)
+ fusion_heap_stat(arena, &stat, sizeof(stat))

@@
expression arena, stat;
@@
- fusion_heap_stats(arena, stat)
+ fusion_heap_stat(arena, stat, sizeof(*stat))

// struct fusion_pool is struct fusion_heap_pool.
@@
@@
- struct fusion_pool
+ struct fusion_heap_pool

@@
@@
- struct fusion_pool_stats
+ struct fusion_heap_pool_stat

// The limit of a heap pool is in its options; without a limit they are NULL.
@@
expression arena, name, ret;
@@
- fusion_pool_create(arena, name, 0, ret)
+ fusion_heap_pool_create(arena, name, NULL, ret)

@@
expression arena, name, most, ret;
@@
- fusion_pool_create(arena, name, most, ret)
+ fusion_heap_pool_create(arena, name, &(struct fusion_heap_pool_options){.size = sizeof(struct fusion_heap_pool_options), .limit = most}, ret)

// fusion_pool_find() is fusion_heap_pool_lookup(), and fusion_pool_stats() is
// fusion_heap_pool_stat(), which gets the size of the struct that it fills.
@@
expression pool, stat;
@@
- fusion_pool_stats(pool, &stat)
+ fusion_heap_pool_stat(pool, &stat, sizeof(stat))

@@
expression pool, stat;
@@
- fusion_pool_stats(pool, stat)
+ fusion_heap_pool_stat(pool, stat, sizeof(*stat))

@@
symbol fusion_pool_find;
@@
- fusion_pool_find
+ fusion_heap_pool_lookup

// The other functions of heap pools have a longer name.
@@
symbol fusion_pool_malloc;
@@
- fusion_pool_malloc
+ fusion_heap_pool_malloc

@@
symbol fusion_pool_calloc;
@@
- fusion_pool_calloc
+ fusion_heap_pool_calloc

@@
symbol fusion_pool_release;
@@
- fusion_pool_release
+ fusion_heap_pool_release

@@
symbol fusion_pool_destroy;
@@
- fusion_pool_destroy
+ fusion_heap_pool_destroy
