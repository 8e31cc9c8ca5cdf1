// Compressed files against the bytes that were compressed.
#include "support.h"

#include "compressing.h"
#include "image/internal.h"
#include "image/unpack.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, NO_LIMIT = 1 << 30 };

struct content {
    uint8_t *bytes;
    size_t length;
    size_t pages; // that are not zero
};

// Runs of noise, of zeros and of what compresses, each of whole pages; the last page is cut.
static struct content make_content(size_t pages)
{
    struct content content = {.length = pages * PAGE - 1000};
    content.bytes = calloc(pages, PAGE);
    assert_non_null(content.bytes);
    uint64_t noise = 88172645463325252u;
    for (size_t page = 0; page < pages; page++) {
        if (page / 5 % 3 == 1)
            continue;
        content.pages++;
        for (size_t at = 0; at < PAGE; at += 8) {
            noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
            uint64_t word = page / 5 % 3 == 0 ? noise : page | 1;
            memcpy(content.bytes + page * PAGE + at, &word, 8);
        }
    }
    return content;
}

static struct hc_error *try_unpack(const uint8_t *file, size_t length, uint64_t limit,
                                   struct hc_unpacked *ret)
{
    const char *path = in_test_directory("packed");
    core_write_file(path, file, length);
    const struct hc_compression *compression = hc_find_compression(file, length);
    assert_non_null(compression);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct hc_error *error = hc_unpack(fd, path, compression, limit, ret);
    close(fd);
    return error;
}

static struct hc_unpacked unpack(const uint8_t *file, size_t length, uint64_t limit)
{
    struct hc_unpacked unpacked = {0};
    struct hc_error *error = try_unpack(file, length, limit, &unpacked);
    if (error)
        fail_msg("%s", hc_error_message(error));
    return unpacked;
}

static size_t count_resident_pages(const struct hc_unpacked *unpacked)
{
    size_t pages = unpacked->mapped / PAGE, count = 0;
    unsigned char *resident = malloc(pages);
    assert_non_null(resident);
    assert_int_equal(mincore(unpacked->bytes, unpacked->mapped, resident), 0);
    for (size_t i = 0; i < pages; i++)
        count += resident[i] & 1;
    free(resident);
    return count;
}

static void test_every_format_gives_the_bytes_back_and_zeros_cost_nothing(void **state)
{
    (void)state;
    struct content content = make_content(1000);
    for (const char *const *format = compressing_formats; *format; format++) {
        size_t length;
        uint8_t *file = compress_bytes(*format, content.bytes, content.length, &length);
        assert_string_equal(hc_compression_name(hc_find_compression(file, length)), *format);
        struct hc_unpacked unpacked = unpack(file, length, NO_LIMIT);
        assert_int_equal(unpacked.end, HC_UNPACK_WHOLE);
        assert_int_equal(unpacked.resident, content.pages * PAGE);
        // Counted before they are read: reading maps the one page of zeros.
        assert_int_equal(count_resident_pages(&unpacked), content.pages);
        assert_int_equal(unpacked.size, content.length);
        assert_memory_equal(unpacked.bytes, content.bytes, content.length);
        hc_unpacked_deinit(&unpacked);
        free(file);
    }
    free(content.bytes);
}

static void test_a_cut_file_gives_the_part_before_the_cut(void **state)
{
    (void)state;
    struct content content = make_content(600);
    for (const char *const *format = compressing_formats; *format; format++) {
        size_t length;
        uint8_t *file = compress_bytes(*format, content.bytes, content.length, &length);
        for (int percent = 0; percent <= 99; percent += 11) {
            struct hc_unpacked unpacked =
                unpack(file, hc_min(length - 1, 6 + length * percent / 100), NO_LIMIT);
            assert_int_equal(unpacked.end, HC_UNPACK_CUT);
            assert_true(unpacked.size <= content.length);
            // Noise comes in blocks, the largest of them 4 MiB before compression.
            if (percent == 99)
                assert_true(unpacked.size > content.length / 2);
            if (unpacked.size)
                assert_memory_equal(unpacked.bytes, content.bytes, unpacked.size);
            hc_unpacked_deinit(&unpacked);
        }
        free(file);
    }
    free(content.bytes);
}

static void test_a_damaged_file_gives_the_part_before_the_damage(void **state)
{
    (void)state;
    struct content content = make_content(3000);
    for (const char *const *format = compressing_formats; *format; format++) {
        size_t length;
        uint8_t *file = compress_bytes(*format, content.bytes, content.length, &length);
        memset(file + length / 2, 0xa5, 300);
        struct hc_unpacked unpacked = unpack(file, length, NO_LIMIT);
        assert_int_equal(unpacked.end, HC_UNPACK_DAMAGED);
        assert_in_range(unpacked.size, content.length / 8, content.length);
        assert_memory_equal(unpacked.bytes, content.bytes, content.length / 8);
        hc_unpacked_deinit(&unpacked);
        free(file);
    }
    free(content.bytes);
}

static void test_frames_that_follow_one_another_are_one_file_and_what_is_no_frame_is_left(void **state)
{
    (void)state;
    struct content content = make_content(300);
    for (const char *const *format = compressing_formats; *format; format++) {
        size_t first, second, half = content.length / 2;
        uint8_t *a = compress_bytes(*format, content.bytes, half, &first);
        uint8_t *b = compress_bytes(*format, content.bytes + half, content.length - half, &second);
        uint8_t *file = malloc(first + second + 5);
        assert_non_null(file);
        memcpy(file, a, first);
        memcpy(file + first, b, second);
        memcpy(file + first + second, "\n\n\n\n\n", 5);
        struct hc_unpacked unpacked = unpack(file, first + second + 5, NO_LIMIT);
        assert_int_equal(unpacked.end, HC_UNPACK_WHOLE);
        assert_int_equal(unpacked.size, content.length);
        assert_memory_equal(unpacked.bytes, content.bytes, content.length);
        hc_unpacked_deinit(&unpacked);
        free(file), free(a), free(b);
    }
    free(content.bytes);
}

static void test_a_bomb_ends_at_the_limit_and_zeros_do_not_count(void **state)
{
    (void)state;
    struct content content = {.length = 24 << 20};
    content.bytes = calloc(1, content.length);
    assert_non_null(content.bytes);
    for (const char *const *format = compressing_formats; *format; format++) {
        size_t length;
        memset(content.bytes, 0, content.length);
        uint8_t *zeros = compress_bytes(*format, content.bytes, content.length, &length);
        struct hc_unpacked unpacked = unpack(zeros, length, 1 << 20);
        assert_int_equal(unpacked.size, content.length);
        assert_int_equal(unpacked.resident, 0);
        hc_unpacked_deinit(&unpacked);
        free(zeros);

        memset(content.bytes, 'x', content.length);
        uint8_t *letters = compress_bytes(*format, content.bytes, content.length, &length);
        assert_true(length < 1 << 20);
        struct hc_error *error = try_unpack(letters, length, 8 << 20, &unpacked);
        assert_non_null(error);
        assert_non_null(strstr(hc_error_message(error), "takes more memory to unpack than there is"));
        assert_null(unpacked.bytes);
        hc_error_destroy(error);
        free(letters);
    }
    free(content.bytes);
}

static void test_too_little_address_space_is_an_error(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); // its own reservations exceed every limit
#endif
    size_t length = 200 << 20;
    uint8_t *zeros = calloc(1, length);
    assert_non_null(zeros);
    uint8_t *file = compress_bytes("zstd", zeros, length, &length);
    free(zeros);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 128 << 20, .rlim_max = 128 << 20};
        struct hc_unpacked unpacked = {0};
        setrlimit(RLIMIT_AS, &limit);
        struct hc_error *error = try_unpack(file, length, NO_LIMIT, &unpacked);
        _exit(error && strstr(hc_error_message(error), "takes more memory to unpack") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    free(file);
}

static void test_there_is_memory_to_be_had(void **state)
{
    (void)state;
    assert_in_range(hc_available_memory(), 1 << 20, UINT64_C(1) << 50);
}

static void test_a_compressed_core_that_ends_at_once_is_told(void **state)
{
    (void)state;
    const char *path = in_test_directory("core.zst");
    core_write_file(path, "\x28\xb5\x2f\xfd", 4);
    expect_core_failure(path, "is compressed with zstd and cut short before the first byte of the core");
    char damaged[64];
    memset(damaged, 0xff, sizeof(damaged));
    memcpy(damaged, "\x28\xb5\x2f\xfd", 4);
    core_write_file(path, damaged, sizeof(damaged));
    expect_core_failure(path, "is compressed with zstd and damaged before the first byte of the core");
    size_t length;
    uint8_t *empty = compress_bytes("gzip", "", 0, &length);
    core_write_file(path, empty, length);
    free(empty);
    expect_core_failure(path, "is compressed with gzip and holds nothing");
}

static void test_a_compressed_file_that_is_no_core_is_told(void **state)
{
    (void)state;
    const char *path = in_test_directory("text.xz");
    size_t length;
    uint8_t *text = compress_bytes("xz", "hello, world\n", 13, &length);
    core_write_file(path, text, length);
    free(text);
    expect_core_failure(path, "unpacked from xz: ");
    expect_core_failure(path, "is not an ELF file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_gives_the_bytes_back_and_zeros_cost_nothing),
        cmocka_unit_test(test_a_cut_file_gives_the_part_before_the_cut),
        cmocka_unit_test(test_a_damaged_file_gives_the_part_before_the_damage),
        cmocka_unit_test(test_frames_that_follow_one_another_are_one_file_and_what_is_no_frame_is_left),
        cmocka_unit_test(test_a_bomb_ends_at_the_limit_and_zeros_do_not_count),
        cmocka_unit_test(test_too_little_address_space_is_an_error),
        cmocka_unit_test(test_there_is_memory_to_be_had),
        cmocka_unit_test(test_a_compressed_core_that_ends_at_once_is_told),
        cmocka_unit_test(test_a_compressed_file_that_is_no_core_is_told),
    };
    return cmocka_run_group_tests(tests, create_test_directory, remove_test_directory);
}
