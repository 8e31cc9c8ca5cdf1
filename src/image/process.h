// What /proc tells of a process, and where its tracer runs. For capture, too.
#pragma once

#include "image/stop.h"

// Reads at most `size` bytes of /proc/PID/NAME; -1 on failure.
ssize_t hc_process_read_file(pid_t pid, const char *name, void *buffer, size_t size);
// Word size, byte order and machine of the program.
struct hc_error *hc_process_read_target(struct hc_image *image, pid_t pid);
// Where the process's file names are to be looked up: "" when it sees the same files as we do.
void hc_process_find_root(pid_t pid, char *buffer, size_t size);
// The thread that answers for the process in /proc: its first one may have ended before the others.
pid_t hc_process_find_speaker(const struct hc_stop *stop);
// In a thread of its own without signals, because the kernel lets go of a tracer's processes when that thread
// ends.
struct hc_error *hc_process_run_tracer(struct hc_error *(*run)(void *argument), void *argument);
