// SPDX-License-Identifier: LGPL-2.1-or-later
//
// References and objects: the calls of before issue 14, in the form of today.
//
// Run it once over the sources of a program:
//
//   spatch --sp-file objects.cocci --in-place --very-quiet FILE...
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

@ref_create@
expression a, n, r;
@@
- fusion_ref_create(a, n, r)
+ fusion_ref_create(a, n, NULL, r)

// --- Pools ------------------------------------------------------------------

@pool_create_default@
expression a, n, r;
@@
- fusion_object_pool_create(a, n, 0, 0, NULL, NULL, r)
+ fusion_object_pool_create(a, n, NULL, r)

@pool_create_empty@
expression a, n, d, r;
@@
- fusion_object_pool_create(a, n, 0, 0, d, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .destructor = d}, r)

@pool_create_message@
expression a, n, m, r;
@@
- fusion_object_pool_create(a, n, 0, m, NULL, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .message_size = m}, r)

@pool_create_plain@
expression a, n, s, r;
@@
- fusion_object_pool_create(a, n, s, 0, NULL, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s}, r)

@pool_create_sizes@
expression a, n, s, m, r;
@@
- fusion_object_pool_create(a, n, s, m, NULL, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .message_size = m}, r)

@pool_create_destructor@
expression a, n, s, d, r;
@@
- fusion_object_pool_create(a, n, s, 0, d, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .destructor = d}, r)

@pool_create_ctx@
expression a, n, s, d, c, r;
@@
- fusion_object_pool_create(a, n, s, 0, d, c, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .destructor = d, .ctx = c}, r)

@pool_create_no_ctx@
expression a, n, s, m, d, r;
@@
- fusion_object_pool_create(a, n, s, m, d, NULL, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .message_size = m, .destructor = d}, r)

@pool_create_all@
expression a, n, s, m, d, c, r;
@@
- fusion_object_pool_create(a, n, s, m, d, c, r)
+ fusion_object_pool_create(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .object_size = s, .message_size = m, .destructor = d, .ctx = c}, r)

// The name of Fusion's own function in the core begins with object.
@typed_pool_default@
identifier f =~ "^([^o]|o[^b]).*_pool_create$";
expression a, n, r;
@@
- f(a, n, 0, NULL, NULL, r)
+ f(a, n, NULL, r)

@typed_pool_destructor@
identifier f =~ "^([^o]|o[^b]).*_pool_create$";
expression a, n, d, r;
@@
- f(a, n, 0, d, NULL, r)
+ f(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .destructor = d}, r)

@typed_pool_ctx@
identifier f =~ "^([^o]|o[^b]).*_pool_create$";
expression a, n, d, c, r;
@@
- f(a, n, 0, d, c, r)
+ f(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .destructor = d, .ctx = c}, r)

@typed_pool_all@
identifier f =~ "^([^o]|o[^b]).*_pool_create$";
expression a, n, m, d, c, r;
@@
- f(a, n, m, d, c, r)
+ f(a, n, &(struct fusion_object_pool_options){.size = sizeof(struct fusion_object_pool_options), .message_size = m, .destructor = d, .ctx = c}, r)

// --- Results ----------------------------------------------------------------

@stat_init@
identifier s;
expression e;
@@
- struct fusion_ref_stat s = {.size = e};
+ struct fusion_ref_stat s;

@stat_set@
struct fusion_ref_stat s;
expression e;
@@
- s.size = e;

@stat_set_pointer@
struct fusion_ref_stat *s;
expression e;
@@
- s->size = e;

@stat_null@
identifier f =~ "^fusion_(ref|object)_stat$";
expression x;
@@
- f(x, NULL)
+ f(x, NULL, 0)

@stat_variable@
identifier f =~ "^fusion_(ref|object)_stat$";
expression x, s;
@@
- f(x, &s)
+ f(x, &s, sizeof(s))

@stat_pointer@
identifier f =~ "^fusion_(ref|object)_stat$";
expression x, s;
@@
- f(x, s)
+ f(x, s, sizeof(*s))

@typed_stat@
identifier f =~ "_stat$";
struct fusion_object_stat s;
expression x;
@@
- f(x, &s)
+ f(x, &s, sizeof(s))

@renamed@
expression o;
@@
- fusion_object_size(o)
+ fusion_object_data_size(o)

@count_type@
identifier n;
expression p;
@@
- size_t n;
+ uint64_t n;
  ...
  fusion_object_pool_size(p, &n)

@count_type_init@
identifier n;
expression p, e;
@@
- size_t n = e;
+ uint64_t n = e;
  ...
  fusion_object_pool_size(p, &n)

@count@
expression p, n;
@@
- fusion_object_pool_size(p, n)
+ fusion_object_pool_count(p, n)

// --- Slots -------------------------------------------------------------------

@link_cast@
expression s, o;
@@
- fusion_object_link((void *)s, o)
+ fusion_object_link(s, o)

@link_cast_typed@
expression s, o;
@@
- fusion_object_link((struct fusion_object **)s, o)
+ fusion_object_link(s, o)

@unlink_cast@
expression s;
@@
- fusion_object_unlink((void *)s)
+ fusion_object_unlink(s)

@unlink_cast_typed@
expression s;
@@
- fusion_object_unlink((struct fusion_object **)s)
+ fusion_object_unlink(s)

// --- Errors -----------------------------------------------------------------

@errno_inherits_call@
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

@errno_inherits@
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

@errno_object_call@
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

@errno_object@
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

@errno_ref@
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

@errno_ref_call@
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

@errno_catch_call@
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

@errno_catch@
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
