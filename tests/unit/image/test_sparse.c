// Pages that were never written, told without a look at them, against their bytes.
#include "support.h"

#include "compressing.h"
#include "image/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAGES = 40, FIRST_EMPTY = 8, EMPTY = 16 };

static const uint64_t base = 0x10000;

static void write_core(const char *path)
{
    static uint8_t pages[PAGES * CORE_PAGE];
    struct core_builder builder;
    memset(pages, 0x5a, sizeof(pages));
    memset(pages + FIRST_EMPTY * CORE_PAGE, 0, EMPTY * CORE_PAGE);
    core_builder_init(&builder, EM_X86_64, 8, false);
    core_builder_add_load(&builder, base, pages, sizeof(pages), sizeof(pages), PF_R | PF_W);
    core_builder_write(&builder, path);
    core_builder_deinit(&builder);
}

// The bytes that are told to be unwritten; fails the test if one of them is not zero.
static uint64_t count_unwritten(const struct hc_image *image, uint64_t length)
{
    uint64_t sum = 0, run;
    for (uint64_t at = 0; at < length; at += run) {
        bool is_unwritten;
        run = hc_image_sparse_run(image, base + at, length - at, &is_unwritten);
        assert_in_range(run, 1, length - at);
        for (uint64_t i = at; is_unwritten && i < at + run; i++)
            assert_int_equal(byte_at(image, base + i), 0);
        sum += is_unwritten ? run : 0;
    }
    return sum;
}

static void test_holes_of_the_file_are_told_and_nothing_else(void **state)
{
    (void)state;
    const char *path = in_test_directory("core");
    write_core(path);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with(path, NULL);
    assert_int_equal(count_unwritten(image, PAGES * CORE_PAGE), 0); // zeros that were written
    uint64_t start = (uint64_t)(segment_at(image, base)->bytes - image->file);
    uint64_t from = start + FIRST_EMPTY * CORE_PAGE, to = from + EMPTY * CORE_PAGE;
    from = (from + CORE_PAGE - 1) / CORE_PAGE * CORE_PAGE;
    to = to / CORE_PAGE * CORE_PAGE;
    _cleanup_(hc_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)) != 0) {
        assert_int_equal(errno, EOPNOTSUPP);
        skip();
    }
    assert_int_equal(count_unwritten(image, PAGES * CORE_PAGE), to - from);
    assert_int_equal(count_unwritten(image, from - start), 0);
    assert_int_equal(count_unwritten(image, from - start + 5), 5);
}

static void test_of_an_unpacked_core_zeros_are_never_written(void **state)
{
    (void)state;
    write_core(in_test_directory("core"));
    static uint8_t bytes[(PAGES + 2) * CORE_PAGE];
    _cleanup_(hc_closep) int fd = open(in_test_directory("core"), O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, bytes, sizeof(bytes));
    assert_in_range(size, PAGES * CORE_PAGE, sizeof(bytes) - 1);
    size_t length;
    uint8_t *packed = compress_bytes(compressing_formats[0], bytes, (size_t)size, &length);
    core_write_file(in_test_directory("packed"), packed, length);
    free(packed);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with(in_test_directory("packed"), NULL);
    if (image->sparse < 0)
        skip();
    assert_in_range(count_unwritten(image, PAGES * CORE_PAGE), (EMPTY - 1) * CORE_PAGE, EMPTY * CORE_PAGE);
}

static void test_what_is_nowhere_is_not_unwritten(void **state)
{
    (void)state;
    write_core(in_test_directory("core"));
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with(in_test_directory("core"), NULL);
    bool is_unwritten = true;
    assert_int_equal(hc_image_sparse_run(image, base - 1, 77, &is_unwritten), 77);
    assert_false(is_unwritten);
    assert_int_equal(hc_image_sparse_run(image, base + PAGES * CORE_PAGE - 3, 77, &is_unwritten), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holes_of_the_file_are_told_and_nothing_else),
        cmocka_unit_test(test_of_an_unpacked_core_zeros_are_never_written),
        cmocka_unit_test(test_what_is_nowhere_is_not_unwritten),
    };
    return cmocka_run_group_tests_name("image.sparse", tests, create_test_directory, remove_test_directory);
}
