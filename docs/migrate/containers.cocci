// SPDX-License-Identifier: LGPL-2.1-or-later
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
@step@
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

@kept_step@
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
