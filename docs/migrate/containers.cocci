// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Convert programs to the containers of Fusion's API that lasts.
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
