// SPDX-License-Identifier: MIT
/* Objects without mappings: pages come, stay, go. */

#include <string.h>

#include "test/unit/unit.h"

static struct shm_object *object_create(uint64_t pages)
{
	struct shm_object *object;

	check_equal(shm_object_create(&sim.shm, pages, 0, &object), 0);
	return object;
}

static void page_write(struct shm_object *object, uint64_t index, uint64_t value)
{
	uint64_t frame;

	check_equal(shm_object_page_pin(object, index, true, &frame), 0);
	sim_frame_words(frame)[0] = value;
	shm_object_page_unpin(object, frame);
	shm_check_object(object);
}

static uint64_t page_read(struct shm_object *object, uint64_t index)
{
	uint64_t frame, value;
	int error = shm_object_page_pin(object, index, false, &frame);

	if (error == -ENODATA)
		return 0;
	check_equal(error, 0);
	value = sim_frame_words(frame)[0];
	shm_object_page_unpin(object, frame);
	return value;
}

static void object_empty(void)
{
	struct shm_object *object = object_create(0);
	uint64_t frame;

	check_equal(shm_object_page_pin(object, 0, true, &frame), -EFBIG);
	check_equal(shm_object_resident_pages(object), 0);
	shm_object_put(object);
}

static void object_too_large(void)
{
	struct shm_object *object;

	check_equal(shm_object_create(&sim.shm, SHM_OBJECT_PAGES_MAX + 1, 0, &object), -EFBIG);
	sim.commit_limit = 100;
	check_equal(shm_object_create(&sim.shm, 101, 0, &object), -ENOMEM);
	check_equal(
		shm_object_create(&sim.shm, SHM_OBJECT_PAGES_MAX, SHM_OBJECT_NORESERVE, &object),
		0);
	page_write(object, SHM_OBJECT_PAGES_MAX - 1, 7);
	check_equal(page_read(object, SHM_OBJECT_PAGES_MAX - 1), 7);
	check_equal(page_read(object, 0), 0);
	check_equal(shm_object_resident_pages(object), 1);
	check_equal(shm_object_resize(object, SHM_OBJECT_PAGES_MAX + 1), -EFBIG);
	shm_object_put(object);
}

static void object_pages(void)
{
	const uint64_t sizes[] = {1, 16, 17, 512, 513, 40000};

	for (unsigned i = 0; i < 6; i++) {
		struct shm_object *object = object_create(sizes[i]);
		uint64_t last = sizes[i] - 1, frame;
		check_equal(shm_object_page_pin(object, last, false, &frame), -ENODATA);
		check(!shm_object_page_touched(object, last));
		page_write(object, last, 5);
		check_equal(page_read(object, last), 5);
		check(shm_object_page_touched(object, last));
		check(!shm_object_page_touched(object, last + 1));
		check_equal(shm_object_page_pin(object, last + 1, true, &frame), -EFBIG);
		check_equal(shm_object_page_pin(object, last + 1, false, &frame), -EFBIG);
		check_equal(shm_object_alignment_bytes(object),
			    sizes[i] > 16 && unit_link ? SPAN : PAGE);
		shm_object_put(object);
	}
}

static void object_preallocate(void)
{
	struct shm_object *object = object_create(1030);

	check_equal(shm_object_absent_pages(object, 0, 1030), 1030);
	check_equal(shm_object_preallocate(object, 500, 530), 0);
	check_equal(shm_object_resident_pages(object), 530);
	check_equal(shm_object_absent_pages(object, 0, 1030), 500);
	check_equal(shm_object_absent_pages(object, 490, 20), 10);
	check_equal(shm_object_preallocate(object, 1029, 2), -EFBIG);
	shm_check_object(object);
	shm_object_put(object);
}

/* Preallocated pages have no data until somebody gets to them. */
static void object_seek(void)
{
	static const uint64_t sizes[] = {10, 2000};

	for (unsigned i = 0; i < 2; i++) {
		uint64_t size = sizes[i], page = size / 2, last = size - 1, frame;
		struct shm_object *object = object_create(size);

		check_equal(shm_object_seek(object, 0, true), UINT64_MAX);
		check_equal(shm_object_seek(object, last, false), last);
		check_equal(shm_object_preallocate(object, 0, size), 0);
		check_equal(shm_object_seek(object, 0, true), UINT64_MAX);
		check_equal(shm_object_seek(object, page, false), page);
		/* Reading through a pin is no access, writing is. */
		check_equal(shm_object_page_pin(object, page, false, &frame), 0);
		shm_object_page_unpin(object, frame);
		check(!shm_object_page_touched(object, page));
		check_equal(shm_object_age(object, 0, size), 0);
		for (uint64_t at = page; at < page + 2; at++) {
			check_equal(shm_object_page_pin(object, at, true, &frame), 0);
			shm_object_page_unpin(object, frame);
			check(shm_object_page_touched(object, at));
		}
		check_equal(shm_object_seek(object, 0, true), page);
		check_equal(shm_object_seek(object, page, true), page);
		check_equal(shm_object_seek(object, page, false), page + 2);
		check_equal(shm_object_seek(object, page + 2, true), UINT64_MAX);
		check_equal(shm_object_age(object, 0, size), 2);
		check_equal(shm_object_seek(object, 0, true), page);
		shm_check_object(object);
		shm_object_put(object);
	}
}

static void object_grow_small(void)
{
	struct shm_object *object = object_create(3);

	page_write(object, 2, 42);
	check_equal(shm_object_resize(object, 16), 0);
	page_write(object, 15, 43);
	check_equal(shm_object_resize(object, 17), 0);
	shm_check_object(object);
	page_write(object, 16, 44);
	check_equal(page_read(object, 2), 42);
	check_equal(page_read(object, 15), 43);
	check_equal(page_read(object, 16), 44);
	check_equal(shm_object_resident_pages(object), 3);
	shm_object_put(object);

	object = object_create(0);
	check_equal(shm_object_resize(object, 5000), 0);
	page_write(object, 4999, 1);
	shm_object_put(object);
}

static void object_shrink(void)
{
	struct shm_object *object = object_create(2000);

	for (uint64_t i = 0; i < 2000; i += 100)
		page_write(object, i, i + 1);
	check_equal(shm_object_resize(object, 601), 0);
	shm_check_object(object);
	check_equal(shm_object_resident_pages(object), 7);
	check_equal(shm_object_resize(object, 2000), 0);
	for (uint64_t i = 0; i < 2000; i += 100)
		check_equal(page_read(object, i), i <= 600 ? i + 1 : 0);
	check_equal(shm_object_resize(object, 0), 0);
	check_equal(sim.frames_live, 0);
	check_equal(sim.tables_live, 0);
	shm_object_put(object);
}

static void object_punch(void)
{
	struct shm_object *object = object_create(1ull << 28); /* a terabyte */

	for (uint64_t i = 0; i < 40; i++)
		page_write(object, i * 512 * 7 + i, i + 1);
	check_equal(sim.tables_live, 40);
	shm_object_punch(object, 512 * 7 + 1, 1);
	check_equal(page_read(object, 512 * 7 + 1), 0);
	check_equal(sim.tables_live, 39);
	shm_object_punch(object, 0, UINT64_MAX);
	check_equal(sim.tables_live, 0);
	check_equal(sim.frames_live, 0);
	shm_check_object(object);
	page_write(object, 3, 9);
	shm_object_punch(object, 4, UINT64_MAX - 3);
	shm_object_punch(object, 1ull << 40, 1);
	shm_object_punch(object, 3, 0);
	check_equal(page_read(object, 3), 9);
	shm_object_put(object);

	object = object_create(10);
	page_write(object, 3, 3);
	page_write(object, 4, 4);
	shm_object_punch(object, 4, 100);
	check_equal(page_read(object, 3), 3);
	check_equal(page_read(object, 4), 0);
	shm_object_put(object);
}

static void object_pinned(void)
{
	struct shm_object *object = object_create(20);
	uint64_t frame;

	check_equal(shm_object_page_pin(object, 19, true, &frame), 0);
	sim_frame_words(frame)[0] = 77;
	check_equal(shm_object_resize(object, 1), 0);
	check_equal(sim_frame_words(frame)[0], 77);
	check_equal(sim.frames_live, 1);
	shm_object_page_unpin(object, frame);
	check_equal(sim.frames_live, 0);
	shm_object_put(object);
}

static void object_charged(void)
{
	struct shm_object *object = object_create(16);

	check_equal(sim.charged, 16);
	check_equal(shm_object_resize(object, 1024), 0);
	check_equal(sim.charged, 1024 + 2);
	sim.commit_limit = 2000;
	check_equal(shm_object_resize(object, 3000), -ENOMEM);
	check_equal(sim.charged, 1024 + 2);
	check_equal(shm_object_size_pages(object), 1024);
	check_equal(shm_object_resize(object, 10), 0);
	check_equal(sim.charged, 10);
	shm_object_put(object);
}

static void object_serials(void)
{
	struct shm_object *a = object_create(1), *b = object_create(1);
	uint64_t serial = shm_object_serial(b);

	check(shm_object_serial(a) != serial);
	shm_object_put(b);
	b = object_create(1);
	check(shm_object_serial(b) > serial);
	shm_object_get(a);
	shm_object_put(a);
	shm_object_put(a);
	shm_object_put(b);
}

/* The template port, linked into this program: all members but trace and swap are there. */
static void template_complete(void)
{
	extern const struct shm_port template_port;
	void (*members[sizeof(struct shm_port) / sizeof(void (*)(void))])(void);
	unsigned missing = 0;

	memcpy(members, &template_port, sizeof(members));
	for (unsigned i = 1; i < sizeof(members) / sizeof(members[0]); i++)
		missing += !members[i];
	check_equal(missing, 4);
}

static const struct unit_test tests[] = {
	{"empty", "an object of no pages has none", object_empty, true},
	{"too_large", "2^63 bytes is the limit; the charge may refuse earlier", object_too_large,
	 true},
	{"pages", "a page exists below the size only, reads as zeros, keeps what is written",
	 object_pages, false},
	{"preallocate", "makes exactly the pages asked for", object_preallocate, true},
	{"seek", "a page has data when somebody got to it", object_seek, true},
	{"grow_small", "a small object keeps its pages when it grows past 16", object_grow_small,
	 true},
	{"shrink", "pages past the new end are gone, with their tables, and come back as zeros",
	 object_shrink, true},
	{"punch", "a hole reads as zeros and leaves no tables behind", object_punch, true},
	{"pinned", "a pinned frame lives until it is unpinned", object_pinned, true},
	{"charged", "pages and tables are charged, and a refused growth changes nothing",
	 object_charged, true},
	{"serials", "serials are never reused", object_serials, true},
	{"template", "the template port has every member", template_complete, true},
	{0},
};
const struct unit_suite object_suite = {"object", tests};
