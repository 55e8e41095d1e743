// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Converts C programs from the API before 0.1 to that of 0.1.
//
// scripts/migrate applies it, one file at a time and once only: what it makes
// looks in places like what it looks for.  docs/migrating.md says how to use it
// and what is left to do by hand.
//
// --- Locks -----------------------------------------------------------------
//
// Skirmishes and properties: from the API before 0.1 to that of 0.1
//          -I include FILE...
//
// The rules, in their order:
//
//  1. fusion_skirmish_create() took flags.  It now takes options: NULL where
//     the flags were 0, else a struct fusion_skirmish_options with these flags.
//  2. fusion_property_state() is fusion_property_stat(), and takes the size of
//     the caller's struct.  The struct's name changes, too.
//  3. fusion_skirmish_lock_count() returned the number of levels.  It now
//     returns 0 or an error, and stores the number.
//
// Not done here, because a rule cannot know what the program means:
//
//  - fusion_skirmish_dismiss() does not clear the mark of a dead owner any
//    more: a thread that got -EOWNERDEAD calls fusion_skirmish_consistent()
//    when it has repaired the data, or locks with
//    fusion_skirmish_prevail_mend().
//  - fusion_skirmish_consistent() without a mark is -EALREADY, it was -EINVAL.
//    Too many locks are -ENOLCK, they were -EMFILE.
//  - The compiler warns where the result of a function that takes a lock is
//    ignored.

// --- 1. Options to create a skirmish

@@
expression a, n, r;
@@
 fusion_skirmish_create(a, n,
-	0,
+	NULL,
	r)

@@
expression a, n, f, o, r;
struct fusion_skirmish_options *p;
@@
(
 fusion_skirmish_create(a, n, NULL, r)
|
 fusion_skirmish_create(a, n, &o, r)
|
 fusion_skirmish_create(a, n, p, r)
|
 fusion_skirmish_create(a, n,
-	f,
+	&(struct fusion_skirmish_options){.size = sizeof(struct fusion_skirmish_options), .flags = f},
	r)
)

// --- 2. The state of a property

@@
@@
-struct fusion_property_state
+struct fusion_property_stat

@@
expression p;
@@
-fusion_property_state(p, NULL)
+fusion_property_stat(p, NULL, 0)

@@
expression p, s;
@@
-fusion_property_state(p, &s)
+fusion_property_stat(p, &s, sizeof(s))

@@
expression p, s;
@@
-fusion_property_state(p, s)
+fusion_property_stat(p, s, sizeof(*s))

// --- 3. The number of levels

@@
identifier n;
expression s;
@@
-int n = fusion_skirmish_lock_count(s);
+uint64_t levels = 0;
+int error = fusion_skirmish_lock_count(s, &levels);
+int n = error ? error : (int)levels;

// --- Heap ------------------------------------------------------------------
//
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

// --- Talk ------------------------------------------------------------------
//
// Calls: from the functions before 0.1 to those of 0.1
//
//  - struct fusion_call_options, which said how to execute a call, is called
//    struct fusion_call_execute_options.  A time-out of 0 there has no limit
//    any more: one that is written as 0 becomes 1, a nanosecond.
//  - fusion_call_execute_bytes() and the former fusion_call_execute() become
//    call_for_bytes() and call_for_word() of migrate-0.1.h, which use the new
//    fusion_call_execute().  They return the handler's error as they did.  The
//    program includes migrate-0.1.h: compile with -I and the folder docs of this
//    tree, or copy the file.
//  - fusion_call_create() gets the handler and its argument in the new struct
//    fusion_call_options.
//  - struct fusion_call_stats is called struct fusion_call_stat, and
//    fusion_call_stat() gets its size.
//
// By hand: fusion_call_answer() is gone, as an answer without room gets private
// memory.  -EOWNERDEAD of a call is -EHOSTDOWN (not executed) or -ECONNRESET
// (may have run).  A time-out in a variable that may be 0.

@talk_old@
@@
 fusion_call_execute_bytes(...)

@depends on talk_old@
identifier o;
expression F;
@@
 struct fusion_call_options o = {sizeof(o), F,
-0
+1
 };

@depends on talk_old@
@@
-struct fusion_call_options
+struct fusion_call_execute_options

@talk_bytes@
@@
-fusion_call_execute_bytes
+call_for_bytes
 (...)

@talk_word@
expression C, W, R;
@@
-fusion_call_execute(C, W, R)
+call_for_word(C, W, R)

@depends on talk_bytes || talk_word@
@@
 #include <fusion/fusion.h>
+#include "migrate-0.1.h"

@@
expression A, N, F, R;
@@
-fusion_call_create(A, N, F, NULL, R)
+fusion_call_create(A, N,
+	&(struct fusion_call_options){
+		.size = sizeof(struct fusion_call_options),
+		.fn = F},
+	R)

@@
expression A, N, F, X, R;
@@
-fusion_call_create(A, N, F, X, R)
+fusion_call_create(A, N,
+	&(struct fusion_call_options){
+		.size = sizeof(struct fusion_call_options),
+		.fn = F,
+		.ctx = X},
+	R)

@@
@@
-struct fusion_call_stats
+struct fusion_call_stat

@@
expression C, S;
@@
(
-fusion_call_stat(C, &S)
+fusion_call_stat(C, &S, sizeof(S))
|
-fusion_call_stat(C, S)
+fusion_call_stat(C, S, sizeof(*(S)))
)

// --- Containers ------------------------------------------------------------
//
// Convert programs to the containers of Fusion's API that lasts.  Run this once:
// what it makes of a loop over a list would be converted again.
//
// A value is a struct, not a union: its pointer is read by
// fusion_value_get_pointer() and made by fusion_value_pointer().
// A key has one word, not a union: an integer is key.at, and the address of
// another key is fusion_key_get_pointer(key).
// fusion_hash_iter_begin(&it, hash) begins an iteration, and can fail;
// fusion_hash_iterate(hash) could not.

// value.pointer = p becomes value = fusion_value_pointer(p).
@@
union fusion_value v;
expression p;
@@
- v.pointer = p
+ v = fusion_value_pointer(p)

@@
union fusion_value *v;
expression p;
@@
- v->pointer = p
+ *v = fusion_value_pointer(p)

// value.pointer, when it is read, becomes fusion_value_get_pointer(value).
@@
union fusion_value v;
@@
- v.pointer
+ fusion_value_get_pointer(v)

@@
union fusion_value *v;
@@
- v->pointer
+ fusion_value_get_pointer(*v)

// An initialiser {p} or {.pointer = p} becomes a call.
@@
identifier v;
expression p;
@@
- union fusion_value v = {.pointer = p};
+ union fusion_value v = fusion_value_pointer(p);

@@
identifier v;
expression p;
@@
- union fusion_value v = {p};
+ union fusion_value v = fusion_value_pointer(p);

// union fusion_value becomes struct fusion_value.
@@
@@
- union fusion_value
+ struct fusion_value

// key.at.word becomes key.at, key.at.bytes becomes a call.
@@
struct fusion_key k;
@@
- k.at.word
+ k.at

@@
struct fusion_key *k;
@@
- k->at.word
+ k->at

@@
struct fusion_key k;
@@
- k.at.bytes
+ fusion_key_get_pointer(k)

@@
struct fusion_key *k;
@@
- k->at.bytes
+ fusion_key_get_pointer(*k)

// it = fusion_hash_iterate(hash) becomes fusion_hash_iter_begin(&it, hash).
// The call goes behind the declarations.
@@
identifier it;
expression h;
statement S1, S2;
@@
- struct fusion_hash_iter it = fusion_hash_iterate(h);
+ struct fusion_hash_iter it;
  ... when != S1
+ fusion_hash_iter_begin(&it, h);
  S2

@@
struct fusion_hash_iter it;
expression h;
@@
- it = fusion_hash_iterate(h);
+ fusion_hash_iter_begin(&it, h);

// A step in a list returns 1 for a node and 0 at the end.  It returned 0 for a
// node and -ENOENT at the end.
//
// Look by hand at a result that is kept and compared far away, and at a test
// for an error (r < 0), which was true at the end, too.
@containers_step@
identifier f =~ "^fusion_list_(next|prev)$";
expression l, n, to;
@@
(
- f(l, n, to) == 0
+ f(l, n, to) == 1
|
- f(l, n, to) != 0
+ f(l, n, to) != 1
|
- !f(l, n, to)
+ f(l, n, to) == 1
|
- f(l, n, to) == -ENOENT
+ f(l, n, to) == 0
|
- f(l, n, to) != -ENOENT
+ f(l, n, to) != 0
)

@containers_kept_step@
identifier f =~ "^fusion_list_(next|prev)$";
expression r, l, n, to;
@@
(
- (r = f(l, n, to)) == 0
+ (r = f(l, n, to)) == 1
|
- !(r = f(l, n, to))
+ (r = f(l, n, to)) == 1
)

// for (r = fusion_list_next(...); r == 0; ...)
@@
identifier f =~ "^fusion_list_(next|prev)$";
expression r, l, n, to, e;
statement S;
@@
- for (r = f(l, n, to); r == 0; e) S
+ for (r = f(l, n, to); r == 1; e) S

// r = fusion_list_next(...); if (r == 0), with and without else.
@@
identifier f =~ "^fusion_list_(next|prev)$";
expression r, l, n, to;
@@
  r = f(l, n, to);
  if (
- r == 0
+ r == 1
  ) { ... }

@@
identifier f =~ "^fusion_list_(next|prev)$";
expression r, l, n, to;
statement S1, S2;
@@
  r = f(l, n, to);
  if (
- r == 0
+ r == 1
  ) S1 else S2

@@
identifier f =~ "^fusion_list_(next|prev)$";
expression r, l, n, to;
@@
  r = f(l, n, to);
  if (
- r == -ENOENT
+ r == 0
  ) { ... }

@@
identifier f =~ "^fusion_list_(next|prev)$";
expression r, l, n, to;
statement S1, S2;
@@
  r = f(l, n, to);
  if (
- r == -ENOENT
+ r == 0
  ) S1 else S2

@@
identifier f =~ "^fusion_list_(next|prev)$";
expression r, l, n, to;
@@
  r = f(l, n, to);
  if (
- r != -ENOENT
+ r != 0
  ) { ... }

@@
identifier f =~ "^fusion_list_(next|prev)$";
expression r, l, n, to;
statement S1, S2;
@@
  r = f(l, n, to);
  if (
- r != -ENOENT
+ r != 0
  ) S1 else S2

// The tests of Fusion: assert_int_equal(fusion_list_next(...), 0).
@@
identifier f =~ "^fusion_list_(next|prev)$";
expression l, n, to;
@@
(
- assert_int_equal(f(l, n, to), 0)
+ assert_int_equal(f(l, n, to), 1)
|
- assert_int_equal(f(l, n, to), -ENOENT)
+ assert_int_equal(f(l, n, to), 0)
)

// The number of values goes to an argument.  The functions called _size
// returned it.  A variable of another type than uint64_t is converted by hand.
@@
identifier n;
expression x;
statement S1, S2;
@@
(
- int64_t n = fusion_hash_size(x);
+ uint64_t n = 0;
|
- uint64_t n = fusion_hash_size(x);
+ uint64_t n = 0;
)
  ... when != S1
+ fusion_hash_count(x, &n);
  S2

@@
identifier n;
expression x;
statement S1, S2;
@@
(
- int64_t n = fusion_list_size(x);
+ uint64_t n = 0;
|
- uint64_t n = fusion_list_size(x);
+ uint64_t n = 0;
)
  ... when != S1
+ fusion_list_count(x, &n);
  S2

@@
identifier n;
expression x;
statement S1, S2;
@@
(
- int64_t n = fusion_vector_size(x);
+ uint64_t n = 0;
|
- uint64_t n = fusion_vector_size(x);
+ uint64_t n = 0;
)
  ... when != S1
+ fusion_vector_count(x, &n);
  S2

@@
uint64_t n;
expression x;
@@
(
- n = fusion_hash_size(x)
+ fusion_hash_count(x, &n)
|
- n = fusion_list_size(x)
+ fusion_list_count(x, &n)
|
- n = fusion_vector_size(x)
+ fusion_vector_count(x, &n)
)

// The index of a value goes to an argument, which may be NULL.
@@
expression x, v;
@@
(
- fusion_vector_index_of(x, v) >= 0
+ fusion_vector_index_of(x, v, NULL) == 0
|
- fusion_vector_index_of(x, v) < 0
+ fusion_vector_index_of(x, v, NULL) < 0
|
- fusion_vector_index_of(x, v) == -ENOENT
+ fusion_vector_index_of(x, v, NULL) == -ENOENT
|
- fusion_vector_index_of(x, v) != -ENOENT
+ fusion_vector_index_of(x, v, NULL) != -ENOENT
)

// Creation takes a name, which may be NULL, and options, which may be NULL.
@@
expression a, f, r;
expression k != NULL;
@@
- fusion_hash_create(a, k, f, r)
+ fusion_hash_create(a, NULL, &(struct fusion_hash_options){sizeof(struct fusion_hash_options), k, f}, r)

@@
expression a, r;
@@
- fusion_vector_create(a, 0, r)
+ fusion_vector_create(a, NULL, NULL, r)

@@
expression a, f, r;
@@
- fusion_vector_create(a, f, r)
+ fusion_vector_create(a, NULL, &(struct fusion_vector_options){.size = sizeof(struct fusion_vector_options), .flags = f}, r)

@@
expression a, r;
@@
- fusion_list_create(a, 0, r)
+ fusion_list_create(a, NULL, NULL, r)

@@
expression a, f, r;
@@
- fusion_list_create(a, f, r)
+ fusion_list_create(a, NULL, &(struct fusion_list_options){.size = sizeof(struct fusion_list_options), .flags = f}, r)

// --- Reactor ---------------------------------------------------------------
//
// Reactors, from the API before 0.1 to that of 0.1:
//
// A reaction got NULL for the end of a reactor.  Now it gets a message whose
// event says what has ended.  The rules below replace tests for NULL by tests
// of the event.

@@
const struct fusion_reactor_message *M;
@@
(
- M == NULL
+ M->event != FUSION_REACTOR_DATA
|
- !M
+ M->event != FUSION_REACTOR_DATA
)

@@
const struct fusion_reactor_message *M;
expression A, B;
@@
- M ? A : B
+ M->event == FUSION_REACTOR_DATA ? A : B

@@
const struct fusion_reactor_message *M;
statement S;
@@
- if (M)
+ if (M->event == FUSION_REACTOR_DATA)
  S

@@
const struct fusion_reactor_message *M;
statement S, T;
@@
- if (M)
+ if (M->event == FUSION_REACTOR_DATA)
  S
  else T

@@
const struct fusion_reactor_message *M;
expression E;
@@
(
- M && E
+ M->event == FUSION_REACTOR_DATA && E
|
- M != NULL
+ M->event == FUSION_REACTOR_DATA
)

// fusion_reactor_stat() takes the size of the caller's struct.

@@
expression R, S;
@@
- fusion_reactor_stat(R, &S)
+ fusion_reactor_stat(R, &S, sizeof(S))

@@
expression R, P;
@@
- fusion_reactor_stat(R, P)
+ fusion_reactor_stat(R, P, sizeof(*P))

// fusion_reactor_dispatch() and fusion_object_dispatch() take options, and do
// what ..._dispatch_channel() did.  NULL stands for channel 0 and no flags.

@@
expression R, D, S, F;
@@
(
  fusion_reactor_dispatch(R, D, S, NULL)
|
  fusion_reactor_dispatch(R, D, S, &F)
|
- fusion_reactor_dispatch(R, D, S, 0)
+ fusion_reactor_dispatch(R, D, S, NULL)
|
- fusion_reactor_dispatch(R, D, S, F)
+ fusion_reactor_dispatch(R, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F})
)

@@
expression O, D, S, F;
@@
(
  fusion_object_dispatch(O, D, S, NULL)
|
  fusion_object_dispatch(O, D, S, &F)
|
- fusion_object_dispatch(O, D, S, 0)
+ fusion_object_dispatch(O, D, S, NULL)
|
- fusion_object_dispatch(O, D, S, F)
+ fusion_object_dispatch(O, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F})
)

@@
expression R, C, D, S, F, G, N;
@@
(
- fusion_reactor_dispatch_channel(R, C, D, S, 0, NULL, 0)
+ fusion_reactor_dispatch(R, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.channel = C})
|
- fusion_reactor_dispatch_channel(R, C, D, S, F, NULL, 0)
+ fusion_reactor_dispatch(R, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F,
+		.channel = C})
|
- fusion_reactor_dispatch_channel(R, C, D, S, F, G, N)
+ fusion_reactor_dispatch(R, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F,
+		.channel = C,
+		.globals = G,
+		.n_globals = N})
)

@@
expression O, C, D, S, F, G, N;
@@
(
- fusion_object_dispatch_channel(O, C, D, S, F, NULL, 0)
+ fusion_object_dispatch(O, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F,
+		.channel = C})
|
- fusion_object_dispatch_channel(O, C, D, S, F, G, N)
+ fusion_object_dispatch(O, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F,
+		.channel = C,
+		.globals = G,
+		.n_globals = N})
)

// fusion_reactor_attach() and fusion_object_attach() take options: channel,
// policy, and a function that runs when the reaction is gone.  NULL stands for
// channel 0 and no policy.

@@
expression R, C, F, X, P, T;
@@
(
- fusion_reactor_attach(R, 0, F, X, NULL, T)
+ fusion_reactor_attach(R, NULL, F, X, T)
|
- fusion_reactor_attach(R, C, F, X, NULL, T)
+ fusion_reactor_attach(R,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.channel = C},
+	F, X, T)
|
- fusion_reactor_attach(R, 0, F, X, P, T)
+ fusion_reactor_attach(R,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.policy = P},
+	F, X, T)
|
- fusion_reactor_attach(R, C, F, X, P, T)
+ fusion_reactor_attach(R,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.channel = C,
+		.policy = P},
+	F, X, T)
)

@@
expression O, F, X, T;
@@
- fusion_object_attach(O, F, X, T)
+ fusion_object_attach(O, NULL, F, X, T)

@@
expression O, C, F, X, P, T;
@@
(
- fusion_object_attach_channel(O, C, F, X, NULL, T)
+ fusion_object_attach(O,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.channel = C},
+	F, X, T)
|
- fusion_object_attach_channel(O, C, F, X, P, T)
+ fusion_object_attach(O,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.channel = C,
+		.policy = P},
+	F, X, T)
)

// --- Objects ---------------------------------------------------------------
//
// References and objects: the calls of before issue 14, in the form of today.
//
// Run it once over the sources of a program:
//
// What each rule replaces:
//
//   ref_create        fusion_ref_create() takes options; NULL is the default
//   pool_create_*     fusion_object_pool_create() takes sizes, destructor and
//                     argument in a struct; arguments that are 0 or NULL are
//                     left out
//   typed_pool_*      the same for the functions ..._pool_create() that
//                     FUSION_OBJECT_METHODS defines
//   stat_*            fusion_ref_stat() and fusion_object_stat(), and the
//                     functions ..._stat() of FUSION_OBJECT_METHODS, take the
//                     size of the struct; its member `size` is gone
//   renamed           fusion_object_size() is fusion_object_data_size(), and
//                     fusion_object_pool_size() is fusion_object_pool_count(),
//                     which counts in a uint64_t
//   link_cast         the slot of fusion_object_link() needs no cast
//   errno_*           an object that is about to go is -ESTALE, a reference
//                     that is locked at zero is -EBUSY, nothing to catch is
//                     -ENODATA, and what inherits already is -EEXIST
//
// By hand: #include <fusion/object_methods.h> where FUSION_OBJECT_METHODS is
// used; a struct fusion_ref_stat that another function fills in; an errno that
// is compared in another function than the one that made the call; C++.

@objects_ref_create@
expression a, n, r;
@@
- fusion_ref_create(a, n, r)
+ fusion_ref_create(a, n, NULL, r)

// --- Pools ------------------------------------------------------------------

@objects_pool_create_default@
expression a, n, r;
@@
- fusion_object_pool_create(a, n, 0, 0, NULL, NULL, r)
+ fusion_object_pool_create(a, n, NULL, r)

@objects_pool_create_empty@
expression a, n, d, r;
@@
- fusion_object_pool_create(a, n, 0, 0, d, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .destructor = d}, r)

@objects_pool_create_message@
expression a, n, m, r;
@@
- fusion_object_pool_create(a, n, 0, m, NULL, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .message_size = m}, r)

@objects_pool_create_plain@
expression a, n, s, r;
@@
- fusion_object_pool_create(a, n, s, 0, NULL, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s}, r)

@objects_pool_create_sizes@
expression a, n, s, m, r;
@@
- fusion_object_pool_create(a, n, s, m, NULL, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .message_size = m}, r)

@objects_pool_create_destructor@
expression a, n, s, d, r;
@@
- fusion_object_pool_create(a, n, s, 0, d, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .destructor = d}, r)

@objects_pool_create_ctx@
expression a, n, s, d, c, r;
@@
- fusion_object_pool_create(a, n, s, 0, d, c, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .destructor = d, .ctx = c}, r)

@objects_pool_create_no_ctx@
expression a, n, s, m, d, r;
@@
- fusion_object_pool_create(a, n, s, m, d, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .message_size = m, .destructor = d}, r)

@objects_pool_create_all@
expression a, n, s, m, d, c, r;
@@
- fusion_object_pool_create(a, n, s, m, d, c, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .message_size = m, .destructor = d, .ctx = c}, r)

// The name of Fusion's own function in the core begins with object.
@objects_typed_pool_default@
identifier f =~ "^([^o]|o[^b]).*_pool_create$";
expression a, n, r;
@@
- f(a, n, 0, NULL, NULL, r)
+ f(a, n, NULL, r)

@objects_typed_pool_destructor@
identifier f =~ "^([^o]|o[^b]).*_pool_create$";
expression a, n, d, r;
@@
- f(a, n, 0, d, NULL, r)
+ f(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .destructor = d}, r)

@objects_typed_pool_ctx@
identifier f =~ "^([^o]|o[^b]).*_pool_create$";
expression a, n, d, c, r;
@@
- f(a, n, 0, d, c, r)
+ f(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .destructor = d, .ctx = c}, r)

@objects_typed_pool_all@
identifier f =~ "^([^o]|o[^b]).*_pool_create$";
expression a, n, m, d, c, r;
@@
- f(a, n, m, d, c, r)
+ f(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .message_size = m, .destructor = d, .ctx = c}, r)

// --- Results ----------------------------------------------------------------

@objects_stat_init@
identifier s;
expression e;
@@
- struct fusion_ref_stat s = {.size = e};
+ struct fusion_ref_stat s;

@objects_stat_set@
struct fusion_ref_stat s;
expression e;
@@
- s.size = e;

@objects_stat_set_pointer@
struct fusion_ref_stat *s;
expression e;
@@
- s->size = e;

@objects_stat_null@
identifier f =~ "^fusion_(ref|object)_stat$";
expression x;
@@
- f(x, NULL)
+ f(x, NULL, 0)

@objects_stat_variable@
identifier f =~ "^fusion_(ref|object)_stat$";
expression x, s;
@@
- f(x, &s)
+ f(x, &s, sizeof(s))

@objects_stat_pointer@
identifier f =~ "^fusion_(ref|object)_stat$";
expression x, s;
@@
- f(x, s)
+ f(x, s, sizeof(*s))

@objects_typed_stat@
identifier f =~ "_stat$";
struct fusion_object_stat s;
expression x;
@@
- f(x, &s)
+ f(x, &s, sizeof(s))

@objects_renamed@
expression o;
@@
- fusion_object_size(o)
+ fusion_object_data_size(o)

@objects_count_type@
identifier n;
expression p;
@@
- size_t n;
+ uint64_t n;
  ...
  fusion_object_pool_size(p, &n)

@objects_count_type_init@
identifier n;
expression p, e;
@@
- size_t n = e;
+ uint64_t n = e;
  ...
  fusion_object_pool_size(p, &n)

@objects_count@
expression p, n;
@@
- fusion_object_pool_size(p, n)
+ fusion_object_pool_count(p, n)

// --- Slots -------------------------------------------------------------------

@objects_link_cast@
expression s, o;
@@
- fusion_object_link((void *)s, o)
+ fusion_object_link(s, o)

@objects_link_cast_typed@
expression s, o;
@@
- fusion_object_link((struct fusion_object **)s, o)
+ fusion_object_link(s, o)

@objects_unlink_cast@
expression s;
@@
- fusion_object_unlink((void *)s)
+ fusion_object_unlink(s)

@objects_unlink_cast_typed@
expression s;
@@
- fusion_object_unlink((struct fusion_object **)s)
+ fusion_object_unlink(s)

// --- Errors -----------------------------------------------------------------

@objects_errno_inherits_call@
identifier f =~ "^fusion_(ref|object)_inherit$";
expression list es;
@@
(
  f(es) ==
- -EBUSY
+ -EEXIST
|
  f(es) !=
- -EBUSY
+ -EEXIST
)

@objects_errno_inherits@
identifier f =~ "^fusion_(ref|object)_inherit$";
expression list es;
expression r, e;
@@
  r = f(es)
  ... when != r = e
(
  r ==
- -EBUSY
+ -EEXIST
|
  r !=
- -EBUSY
+ -EEXIST
)

@objects_errno_object_call@
identifier f =~ "^fusion_object_(get|ref|unref|link|link_data|globalize|inherit|throw|catch)$";
expression list es;
@@
(
  f(es) ==
- -EOWNERDEAD
+ -ESTALE
|
  f(es) !=
- -EOWNERDEAD
+ -ESTALE
)

@objects_errno_object@
identifier f =~ "^fusion_object_(get|ref|unref|link|link_data|globalize|inherit|throw|catch)$";
expression list es;
expression r, e;
@@
  r = f(es)
  ... when != r = e
(
  r ==
- -EOWNERDEAD
+ -ESTALE
|
  r !=
- -EOWNERDEAD
+ -ESTALE
)

@objects_errno_ref@
identifier f =~ "^fusion_ref_(up|down|up_global|down_global|throw|inherit)$";
expression list es;
expression r, e;
@@
  r = f(es)
  ... when != r = e
(
  r ==
- -EAGAIN
+ -EBUSY
|
  r !=
- -EAGAIN
+ -EBUSY
)

@objects_errno_ref_call@
identifier f =~ "^fusion_ref_(up|down|up_global|down_global|throw|inherit)$";
expression list es;
@@
(
  f(es) ==
- -EAGAIN
+ -EBUSY
|
  f(es) !=
- -EAGAIN
+ -EBUSY
)

@objects_errno_catch_call@
identifier f =~ "^fusion_(ref|object)_catch$";
expression list es;
@@
(
  f(es) ==
- -EAGAIN
+ -ENODATA
|
  f(es) !=
- -EAGAIN
+ -ENODATA
)

@objects_errno_catch@
identifier f =~ "^fusion_(ref|object)_catch$";
expression list es;
expression r, e;
@@
  r = f(es)
  ... when != r = e
(
  r ==
- -EAGAIN
+ -ENODATA
|
  r !=
- -EAGAIN
+ -ENODATA
)

// --- Slots -----------------------------------------------------------------
//
// Slots, from the API before 0.1 to that of 0.1:
//
// A function that was set for leave notices, for a type of messages or for the
// falls of a reference is subscribed.  The rules below give neither a destroy function nor a place for
// the slot, so the subscription lasts until the process exits the arena.
//
// By hand: a call whose function is NULL, or is set for the second time, cancels
// the slot of the first call (fusion_slot_cancel()).

@@
expression A, C;
expression F != NULL;
@@
- fusion_arena_on_leave(A, F, C)
+ fusion_arena_on_leave(A, F, C, NULL, NULL)

@@
expression A, T, C;
expression F != NULL;
@@
- fusion_message_handle(A, T, F, C)
+ fusion_message_handle(A, T, F, C, NULL, NULL)

@@
expression R, C;
expression F != NULL;
@@
- fusion_ref_watch(R, F, C)
+ fusion_ref_watch(R, F, C, NULL, NULL)

// --- Arena -----------------------------------------------------------------
//
// The arena and the dispatcher: from the API before 0.1 to that of 0.1
//
// Run it over the C files of a program, one at a time:
//
//     for file in *.c; do
//         spatch --sp-file docs/arena.cocci --in-place "$file"
//     done
//
// spatch takes several files of one command for parts of one program, and would
// confuse functions of the same name.  What each rule replaces:
//
//   exit       fusion_arena_exit() takes the arena only.  Callbacks that do
//              nothing but return 0 are dropped.  If such a callback is defined
//              in a header, name it: -D nothing=NAME.  Calls with other
//              callbacks stay as they are, and do not compile: move the
//              callbacks to `shutdown` and `leave` of struct
//              fusion_arena_options.
//   dispatch   fusion_fd(), fusion_dispatch(), fusion_sync() and
//              fusion_dispatch_cleanup() begin with fusion_arena_.  A program
//              that calls the first or the second has to set
//              FUSION_ENTER_MANUAL in the options of fusion_arena_enter(); no
//              rule can tell which call that is.
//   fields     fusion_arena_get_field() and fusion_arena_wait_field() take the
//              size and the type that the caller expects, before the pointer.
//              The rule gives 0 and NULL, which check nothing.  Calls that ask
//              for the size stay as they are, and do not compile.
//   members    0 in the place of a member's id meant all members.  Now it is
//              FUSION_NONE, and FUSION_ALL means all.
//   count      fusion_members_list() takes the size of an element, and gives the
//              number of members by a pointer.  The rule converts calls that
//              only count, by a function that it adds at the top of the file.
//              Calls that list stay as they are, and do not compile.
//
//   first      fusion_arena_enter() returns 0 for the first process, too.  Tests
//              of its result for 1 ask for the role of the master instead.  The
//              two differ if the first process has left: then a later one
//              becomes the master, and `initialize` does not run there.

@arena_first@
expression name, options, A, e;
identifier r;
@@
  r = fusion_arena_enter(name, options, &A)
  ... when != r = e
(
- r == 1
+ fusion_arena_role(A) == FUSION_ROLE_MASTER
|
- r > 0
+ fusion_arena_role(A) == FUSION_ROLE_MASTER
)

@arena_first_declared@
expression name, options, A, e;
identifier r;
@@
  int r = fusion_arena_enter(name, options, &A);
  ... when != r = e
(
- r == 1
+ fusion_arena_role(A) == FUSION_ROLE_MASTER
|
- r > 0
+ fusion_arena_role(A) == FUSION_ROLE_MASTER
)

@arena_idle@
identifier F, a, c;
@@
(
  int F(struct fusion_arena *a, void *c)
  {
	(void)a;
	(void)c;
	return 0;
  }
|
  int F(struct fusion_arena *a, void *c)
  {
	(void)a, (void)c;
	return 0;
  }
|
  int F(struct fusion_arena *a, void *c)
  {
	return 0;
  }
)

@arena_exit_idle@
expression arena, ctx;
identifier arena_idle.F;
@@
(
- fusion_arena_exit(arena, NULL, F, ctx)
+ fusion_arena_exit(arena)
|
- fusion_arena_exit(arena, F, NULL, ctx)
+ fusion_arena_exit(arena)
|
- fusion_arena_exit(arena, F, F, ctx)
+ fusion_arena_exit(arena)
)

@arena_idle_used depends on arena_exit_idle@
identifier arena_idle.F, G;
type T;
position p;
@@
  T G(...) { <+... F@p ...+> }

@arena_idle_drop depends on arena_exit_idle && !arena_idle_used@
identifier arena_idle.F, a, c;
@@
(
- static int F(struct fusion_arena *a, void *c)
- {
-	(void)a;
-	(void)c;
-	return 0;
- }
|
- static int F(struct fusion_arena *a, void *c)
- {
-	(void)a, (void)c;
-	return 0;
- }
|
- static int F(struct fusion_arena *a, void *c)
- {
-	return 0;
- }
)

@arena_exit_named@
expression arena, ctx;
identifier virtual.nothing;
@@
- fusion_arena_exit(arena, NULL, nothing, ctx)
+ fusion_arena_exit(arena)

@arena_exit@
expression arena;
@@
- fusion_arena_exit(arena, NULL, NULL, NULL)
+ fusion_arena_exit(arena)

@arena_exit_with_context@
expression arena, ctx;
@@
- fusion_arena_exit(arena, NULL, NULL, ctx)
+ fusion_arena_exit(arena)

@arena_dispatch_fd@
symbol fusion_fd, fusion_arena_fd;
@@
- fusion_fd
+ fusion_arena_fd

@arena_dispatch@
symbol fusion_dispatch, fusion_arena_dispatch;
@@
- fusion_dispatch
+ fusion_arena_dispatch

@arena_dispatch_sync@
symbol fusion_sync, fusion_arena_sync;
@@
- fusion_sync
+ fusion_arena_sync

@arena_dispatch_cleanup@
symbol fusion_dispatch_cleanup, fusion_arena_dispatch_cleanup;
@@
- fusion_dispatch_cleanup
+ fusion_arena_dispatch_cleanup

@arena_field_get@
expression arena, name, ptr;
@@
- fusion_arena_get_field(arena, name, ptr, NULL)
+ fusion_arena_get_field(arena, name, 0, NULL, ptr)

@arena_field_wait@
expression arena, name, timeout, ptr;
@@
- fusion_arena_wait_field(arena, name, timeout, ptr, NULL)
+ fusion_arena_wait_field(arena, name, timeout, 0, NULL, ptr)

@arena_members_kill@
expression arena, signal, timeout;
@@
  fusion_members_kill(arena,
- 0
+ FUSION_ALL
  , signal, timeout)

@arena_members_wait@
expression arena, timeout;
@@
  fusion_members_wait(arena,
- 0
+ FUSION_ALL
  , timeout)

@arena_members_quota@
expression call, limit;
@@
  fusion_call_set_quota(call,
- 0
+ FUSION_ALL
  , limit)

@arena_count@
expression arena;
@@
  fusion_members_list(arena, NULL, 0)

@arena_count_function depends on arena_count@
@@
  #include <fusion/fusion.h>
+ 
+ static int members_count(struct fusion_arena *arena)
+ {
+ 	size_t n;
+ 	int r = fusion_members_list(arena, NULL, 0, 0, &n);
+ 
+ 	return r < 0 ? r : (int)n;
+ }
+ 

@arena_count_function_alone depends on arena_count && !arena_count_function@
identifier G;
type T;
expression A;
@@
+ static int members_count(struct fusion_arena *arena)
+ {
+ 	size_t n;
+ 	int r = fusion_members_list(arena, NULL, 0, 0, &n);
+ 
+ 	return r < 0 ? r : (int)n;
+ }
+ 
  T G(...) { <+... fusion_members_list(A, NULL, 0) ...+> }

@arena_count_call@
expression arena;
@@
- fusion_members_list(arena, NULL, 0)
+ members_count(arena)

// --- Fields and hashes ------------------------------------------------------
//
// Fields are created as all other things: a struct of options says where the
// data is, its size and its type.  If the function is to allocate the data,
// leave `data` out by hand.
//
//   fusion_arena_add_field(a, name, p, size, type)
//     -> fusion_field_create(a, name, &options, NULL)
//   fusion_arena_get_field(a, name, size, type, &p)
//     -> fusion_field_lookup(a, name, size, type, &p)
//   fusion_arena_wait_field(a, name, timeout, size, type, &p)
//     -> fusion_field_wait(a, name, size, type, timeout, flags, &p)
//   fusion_arena_remove_field(a, name)
//     -> fusion_field_remove(a, name)
//
// A wait that signals ended gets the flag that says so.  A file that includes
// fusion/arena.h alone includes fusion/field.h as well.
//
// fusion_hash_lookup(), which found the value of a key, is fusion_hash_value():
// a look-up finds the thing of a name.

@has_fusion_h@
@@
#include <fusion/fusion.h>

@field_header depends on !has_fusion_h@
expression list args;
@@
(
fusion_arena_add_field(args)
|
fusion_arena_get_field(args)
|
fusion_arena_wait_field(args)
|
fusion_arena_remove_field(args)
)

@depends on field_header && !has_fusion_h@
@@
#include <fusion/arena.h>
+ #include <fusion/field.h>

@field_create@
expression arena, name, ptr, bytes, word;
@@
- fusion_arena_add_field(arena, name, ptr, bytes, word)
+ fusion_field_create(arena, name, &(struct fusion_field_options){.size = sizeof(struct fusion_field_options), .data_size = bytes, .type = word, .data = ptr}, NULL)

@field_lookup@
expression list args;
@@
- fusion_arena_get_field(args)
+ fusion_field_lookup(args)

@field_wait@
expression arena, name, timeout, size, type, ret;
@@
(
- fusion_arena_wait_field(arena, name, 0, size, type, ret)
+ fusion_field_wait(arena, name, size, type, 0, 0, ret)
|
- fusion_arena_wait_field(arena, name, timeout, size, type, ret)
+ fusion_field_wait(arena, name, size, type, timeout, FUSION_WAIT_INTERRUPTIBLE, ret)
)

@field_remove@
expression list args;
@@
- fusion_arena_remove_field(args)
+ fusion_field_remove(args)

@hash_value@
expression list args;
@@
- fusion_hash_lookup(args)
+ fusion_hash_value(args)

// --- Reactors and objects, again --------------------------------------------
//
//   done       fusion_reactor_set_done() with a function is
//              fusion_reactor_on_done().  The rule gives neither a destroy
//              function nor a place for the slot, so the subscription lasts
//              until the process exits the arena.  By hand: a call whose
//              function is NULL, or is set for the second time, cancels the
//              slot of the first call (fusion_slot_cancel()).
//   describe   fusion_object_pool_set_describe() with a function is
//              fusion_object_pool_on_describe(), in the same way.
//   global     Attaching and detaching a global reaction takes options instead
//              of an index.  NULL stands for the index 0.  Also in the functions
//              of FUSION_OBJECT_METHODS.
//   dispatch   Dispatching takes the options before the data and its size.
//              The rules look for options that are NULL, an address, or a
//              pointer to the struct.  Also in the functions of
//              FUSION_OBJECT_METHODS.

@slots_done@
expression R, C;
expression F != NULL;
@@
- fusion_reactor_set_done(R, F, C)
+ fusion_reactor_on_done(R, F, C, NULL, NULL)

@slots_describe@
expression P, C;
expression F != NULL;
@@
- fusion_object_pool_set_describe(P, F, C)
+ fusion_object_pool_on_describe(P, F, C, NULL, NULL)

@slots_global@
identifier f =~ "_(attach|detach)_global$";
expression R, I, C;
@@
(
  f(R, NULL, C)
|
  f(R, &I, C)
|
- f(R, 0, C)
+ f(R, NULL, C)
|
- f(R, I, C)
+ f(R, &(const struct fusion_reactor_global_options){.size = sizeof(struct fusion_reactor_global_options), .index = I}, C)
)

@slots_dispatch_default@
identifier f =~ "_dispatch$";
expression R, D, S;
@@
- f(R, D, S, NULL)
+ f(R, NULL, D, S)

@slots_dispatch@
identifier f =~ "^fusion_(reactor|object)_dispatch$";
expression R, D, S, O;
@@
- f(R, D, S, &O)
+ f(R, &O, D, S)

@slots_dispatch_pointer@
identifier f =~ "_dispatch$";
expression R, D, S;
struct fusion_reactor_dispatch_options *O;
@@
- f(R, D, S, O)
+ f(R, O, D, S)

@slots_dispatch_pointer_const@
identifier f =~ "_dispatch$";
expression R, D, S;
const struct fusion_reactor_dispatch_options *O;
@@
- f(R, D, S, O)
+ f(R, O, D, S)

// --- Ids are returned, structs have no holes --------------------------------
//
//  1. fusion_call_id() and fusion_call_owner() return the id, which is 0 for a
//     call that is gone.  They stored it through a pointer, and returned an
//     error.
//  2. struct fusion_call_execute_options and struct fusion_reactor_policy have a
//     member reserved before the last one, which has to be 0.  An initializer
//     without the names of the members gets a 0 there.
//
// By hand: functions called _destroy return 0 for NULL, and the look-ups of a
// call or a heap pool with the id 0 are -EINVAL; a program that relied on the
// old error looks before it calls.

// --- 1. Ids are returned

@nouns_id_checked@
expression C, X;
statement S;
identifier get =~ "^fusion_call_(id|owner)$";
@@
- if (get(C, &X) < 0) S
+ X = get(C);
+ if (!X) S

@nouns_id_checked_plain@
expression C, X;
statement S;
identifier get =~ "^fusion_call_(id|owner)$";
@@
- if (get(C, &X)) S
+ X = get(C);
+ if (!X) S

@nouns_id_error@
expression C, X, R;
identifier get =~ "^fusion_call_(id|owner)$";
@@
- R = get(C, &X);
+ X = get(C);
+ R = X ? 0 : -EIDRM;

@nouns_id_asserted@
expression C, X;
identifier get =~ "^fusion_call_(id|owner)$";
identifier a =~ "^(check|assert|assert_int_equal)$";
@@
(
- a(get(C, &X));
+ X = get(C);
|
- a(get(C, &X) == 0);
+ X = get(C);
|
- a(get(C, &X), 0);
+ X = get(C);
)

@nouns_id@
expression C, X;
identifier get =~ "^fusion_call_(id|owner)$";
@@
- get(C, &X);
+ X = get(C);

@nouns_id_pointer@
expression C, X;
identifier get =~ "^fusion_call_(id|owner)$";
@@
- get(C, X);
+ *(X) = get(C);

// --- 2. Structs have no holes

@nouns_execute_options@
identifier x;
expression E1, E2, E3;
@@
 struct fusion_call_execute_options x = { E1, E2,
-E3
+0, E3
 };

@nouns_execute_literal@
expression E1, E2, E3;
@@
 (struct fusion_call_execute_options){ E1, E2,
-E3
+0, E3
 }

@nouns_policy@
identifier x;
expression E1, E2, E3;
@@
 struct fusion_reactor_policy x = { E1, E2,
-E3
+0, E3
 };

@nouns_policy_literal@
expression E1, E2, E3;
@@
 (struct fusion_reactor_policy){ E1, E2,
-E3
+0, E3
 }

// --- Waits ------------------------------------------------------------------
//
// A function that takes a time-out takes flags behind it.
//
// The rules, in their order:
//
//  1. Waits that signals did not end get the flags 0: they stay as they were.
//  2. fusion_members_wait(), fusion_members_kill(), fusion_call_wait() and
//     fusion_arena_dispatch() were ended by signals.  They are no longer, unless
//     they have FUSION_WAIT_INTERRUPTIBLE.  So they get that flag, or 0 where
//     they do not wait.
//
// Not done here:
//
//  - fusion_message_send() and fusion_message_send_block() have their flags
//    before the time-out, as before, and take FUSION_WAIT_... there.
//  - FUSION_WAIT_UNTIL: a program that computed a time-out from a deadline in
//    each round of a loop can give the deadline itself.

// --- 1. Signals did not end it

@waits_plain@
identifier f = {fusion_skirmish_lock_timed, fusion_skirmish_prevail_timed, fusion_skirmish_wait, fusion_property_lease_timed, fusion_property_purchase_timed, fusion_property_hold_up, fusion_ref_zero_lock, fusion_arena_sync};
expression x, t;
@@
 f(x, t
+	, 0
 )

// --- 2. Signals ended it

@waits_dispatch@
expression a, t;
@@
(
 fusion_arena_dispatch(a, 0
+	, 0
 )
|
 fusion_arena_dispatch(a, t
+	, FUSION_WAIT_INTERRUPTIBLE
 )
)

@waits_members_wait@
expression a, id, t;
@@
(
 fusion_members_wait(a, id, 0
+	, 0
 )
|
 fusion_members_wait(a, id, t
+	, FUSION_WAIT_INTERRUPTIBLE
 )
)

@waits_members_kill@
expression a, id, s, t;
@@
(
 fusion_members_kill(a, id, s, 0
+	, 0
 )
|
 fusion_members_kill(a, id, s, t
+	, FUSION_WAIT_INTERRUPTIBLE
 )
)

@waits_call@
expression a, n, t, r;
@@
(
 fusion_call_wait(a, n, 0,
+	0,
	r)
|
 fusion_call_wait(a, n, t,
+	FUSION_WAIT_INTERRUPTIBLE,
	r)
)
