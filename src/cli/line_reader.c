#include "cli/line_reader.h"

#include "base/interrupt.h"
#include "base/vector.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

HC_DEFINE_VECTOR(byte_vector, char)

bool hc_input_wait(int descriptor)
{
    // SIGINT is let in only while ppoll() waits: one that came just before would be forgotten otherwise.
    sigset_t interrupt, before;
    struct pollfd input = {.fd = descriptor, .events = POLLIN};
    int ready = -1;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &before);
    errno = EINTR;
    while (ready < 0 && errno == EINTR && !hc_interrupt_is_requested())
        ready = ppoll(&input, 1, NULL, &before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !hc_interrupt_is_requested();
}

// Reads more; 0 bytes are the end.
static struct hc_error *refill(struct hc_line_reader *reader, bool *ret_interrupted)
{
    ssize_t length;
    reader->first = reader->end = 0;
    *ret_interrupted = !hc_input_wait(reader->descriptor);
    if (*ret_interrupted)
        return NULL;
    do
        length = read(reader->descriptor, reader->buffer, sizeof(reader->buffer));
    while (length < 0 && errno == EINTR && !hc_interrupt_is_requested());
    *ret_interrupted = hc_interrupt_is_requested();
    if (length < 0 && !*ret_interrupted)
        return hc_error_create("cannot read the input: %s", strerror(errno));
    reader->end = length > 0 ? (size_t)length : 0;
    return NULL;
}

static bool append(struct byte_vector *line, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!byte_vector_push(line, bytes[i] ? bytes[i] : '\x7f'))
            return false;
    return true;
}

struct hc_error *hc_line_read(struct hc_line_reader *reader, enum hc_line_status *ret_status, char **ret)
{
    _cleanup_(byte_vector_deinit) struct byte_vector line = {0};
    const char *end = NULL;
    *ret = NULL;
    while (!end) {
        bool is_interrupted = false;
        if (reader->first == reader->end)
            HC_TRY(refill(reader, &is_interrupted));
        if (is_interrupted || (reader->first == reader->end && !line.count)) {
            *ret_status = is_interrupted ? HC_LINE_INTERRUPTED : HC_LINE_END;
            return NULL;
        }
        if (reader->first == reader->end)
            break;
        const char *first = reader->buffer + reader->first;
        size_t left = reader->end - reader->first;
        end = memchr(first, '\n', left);
        size_t length = end ? (size_t)(end - first) : left;
        if (line.count + length > HC_LINE_LIMIT)
            return hc_error_create("a line of the input is longer than %d bytes", HC_LINE_LIMIT);
        if (!append(&line, first, length))
            return hc_error_out_of_memory();
        reader->first += length + (end ? 1 : 0);
    }
    if (!byte_vector_push(&line, '\0'))
        return hc_error_out_of_memory();
    *ret = line.items;
    line = (struct byte_vector){0};
    *ret_status = HC_LINE_READ;
    return NULL;
}
