// A stopped process that somebody else holds or reads, as a debugger does.
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char data_text[32] = "data";

static pid_t start_stopped_child(void)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        strcpy(data_text, "changed by the child");
        raise(SIGSTOP);
        _exit(7);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    return pid;
}

// It has to go on where it stood, and end as it would have.
static void finish_child(pid_t pid)
{
    int status;
    kill(pid, SIGCONT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void check_image(const struct hc_image *image, pid_t pid)
{
    struct hc_reader reader;
    char text[64];
    hc_reader_init(&reader, image);
    assert_true(hc_reader_string(&reader, (uintptr_t)data_text, text, sizeof(text)));
    assert_string_equal(text, "changed by the child");
    const struct hc_module *module = hc_image_find_module(image, (uintptr_t)start_stopped_child);
    assert_non_null(module);
    assert_int_equal(module->state, HC_MODULE_FOUND);
    const void *code = hc_reader_view(&reader, (uintptr_t)start_stopped_child, 8);
    assert_non_null(code);
    assert_memory_equal(code, (const void *)(uintptr_t)start_stopped_child, 8);
    assert_int_equal(hc_image_process(image)->pid, pid);
    assert_true(hc_image_process(image)->live);
}

static void test_a_process_that_is_stopped_already_is_read_and_stays_stopped(void **state)
{
    (void)state;
    pid_t pid = start_stopped_child();
    struct hc_image *image = NULL;
    struct hc_error *error = hc_image_open_stopped(pid, NULL, &image);
    if (error)
        fail_msg("%s", hc_error_message(error));
    assert_int_equal(hc_image_process(image)->thread_count, 1);
    assert_int_equal(hc_image_process(image)->threads[0].tid, pid);
    finish_child(pid);
    check_image(image, pid);
    hc_image_destroy(image);
}

static void test_a_process_that_is_gone_is_an_error(void **state)
{
    (void)state;
    struct hc_image *image = NULL;
    pid_t pid = start_stopped_child();
    finish_child(pid);
    struct hc_error *error = hc_image_open_stopped(pid, NULL, &image);
    assert_non_null(error);
    assert_null(image);
    assert_non_null(strstr(hc_error_message(error), "no process"));
    hc_error_destroy(error);
}

struct line {
    pid_t pid;
    size_t most; // bytes that one reading gives at most
    size_t calls;
};

static size_t read_through_line(void *argument, uint64_t address, void *bytes, size_t length)
{
    struct line *line = argument;
    struct iovec local = {bytes, length < line->most ? length : line->most};
    struct iovec remote = {(void *)(uintptr_t)address, local.iov_len};
    line->calls++;
    ssize_t count = process_vm_readv(line->pid, &local, 1, &remote, 1, 0);
    return count > 0 ? (size_t)count : 0;
}

static size_t read_whole(pid_t pid, const char *name, char *bytes, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    size_t filled = 0;
    for (ssize_t count; (count = read(fd, bytes + filled, size - 1 - filled)) > 0;)
        filled += (size_t)count;
    close(fd);
    bytes[filled] = '\0';
    return filled;
}

static struct hc_image_source source_of(struct line *line, const char *maps, const char *auxv,
                                        size_t auxv_size)
{
    return (struct hc_image_source){
        .name = "inferior 1",
        .pid = line->pid,
        .maps = maps,
        .auxv = (const uint8_t *)auxv,
        .auxv_size = auxv_size,
        .target = {.machine = EM_X86_64, .word_size = 8},
        .read = read_through_line,
        .argument = line,
    };
}

static void test_a_process_at_the_end_of_a_line_is_read_piece_by_piece(void **state)
{
    (void)state;
    static char maps[1 << 20], auxv[4096];
    struct line line = {.pid = start_stopped_child(), .most = 10000};
    read_whole(line.pid, "maps", maps, sizeof(maps));
    struct hc_image_source source =
        source_of(&line, maps, auxv, read_whole(line.pid, "auxv", auxv, sizeof(auxv)));
    struct hc_image *image = NULL;
    struct hc_error *error = hc_image_open_source(&source, NULL, &image);
    if (error)
        fail_msg("%s", hc_error_message(error));
    assert_true(line.calls > 10);
    finish_child(line.pid);
    check_image(image, line.pid);
    size_t module_count;
    assert_true(hc_image_modules(image, &module_count)[0].is_main);
    hc_image_destroy(image);
}

static void test_a_line_that_is_dead_gives_an_image_of_holes(void **state)
{
    (void)state;
    static char maps[1 << 20];
    struct line line = {.pid = start_stopped_child(), .most = 10000};
    read_whole(line.pid, "maps", maps, sizeof(maps));
    finish_child(line.pid);
    struct hc_image_source source = source_of(&line, maps, NULL, 0);
    struct hc_image *image = NULL;
    struct hc_reader reader;
    uint64_t word;
    assert_null(hc_image_open_source(&source, NULL, &image));
    hc_reader_init(&reader, image);
    assert_false(hc_reader_word(&reader, (uintptr_t)&line, &word)); // on the stack: in no file
    hc_image_destroy(image);
}

static void test_maps_that_say_nothing_are_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "no map\n", "5000-4000 rw-p 0 0:0 0\n", "4000-5000 rw-p"};
    struct line line = {.most = 1};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct hc_image_source source = source_of(&line, texts[i], NULL, 0);
        struct hc_image *image = NULL;
        struct hc_error *error = hc_image_open_source(&source, NULL, &image);
        assert_non_null(error);
        assert_null(image);
        assert_non_null(strstr(hc_error_message(error), "inferior 1"));
        hc_error_destroy(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_process_that_is_stopped_already_is_read_and_stays_stopped),
        cmocka_unit_test(test_a_process_that_is_gone_is_an_error),
        cmocka_unit_test(test_a_process_at_the_end_of_a_line_is_read_piece_by_piece),
        cmocka_unit_test(test_a_line_that_is_dead_gives_an_image_of_holes),
        cmocka_unit_test(test_maps_that_say_nothing_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
