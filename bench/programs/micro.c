// Measures calls of WASI from the inside: micro SUBJECT=CALLS ...
//
// The same file runs under every runtime that is compared, and takes the time itself, so that starting, compiling and
// the measuring process are outside of what is measured. For each subject it prints one line of JSON on standard
// error: how often the call was made, and the nanoseconds that took, on the wall and on the processor.
//
// Descriptor 0 is the end of an empty file, 1 a sink, 3 a directory that holds `data.bin` (4 MiB) and `list` (ten files).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

#define DIRECTORY 3
// What a libc passes for open() and stat().
#define FOLLOW __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW
#define THREAD_CPUTIME 3

static uint8_t buffer[65536] __attribute__((aligned(16)));
static __wasi_fd_t data;
static __wasi_fd_t list;

static void check(__wasi_errno_t error, const char *what) {
  if (error == 0) return;
  fprintf(stderr, "%s failed with error %d\n", what, error);
  exit(1);
}

static uint64_t now(__wasi_clockid_t clock) {
  __wasi_timestamp_t time = 0;
  check(__wasi_clock_time_get(clock, 1, &time), "clock_time_get");
  return time;
}

static void read_clock(uint32_t calls) {
  __wasi_timestamp_t time;
  for (uint32_t i = 0; i < calls; i++) check(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &time), "clock");
}

static void write_small(uint32_t calls) {
  const __wasi_ciovec_t vector = {buffer, 64};
  __wasi_size_t written;
  for (uint32_t i = 0; i < calls; i++) check(__wasi_fd_write(1, &vector, 1, &written), "write");
}

static void seek_to(__wasi_filesize_t offset) {
  __wasi_filesize_t position;
  check(__wasi_fd_seek(data, (__wasi_filedelta_t)offset, __WASI_WHENCE_SET, &position), "seek");
}

// Reads through the file, and starts again at its end.
static void read_file(uint32_t calls, __wasi_size_t size) {
  const __wasi_iovec_t vector = {buffer, size};
  __wasi_size_t count;
  seek_to(0);
  for (uint32_t i = 0; i < calls; i++) {
    check(__wasi_fd_read(data, &vector, 1, &count), "read");
    if (count < size) seek_to(0);
  }
}

static void read_64(uint32_t calls) { read_file(calls, 64); }
static void read_4k(uint32_t calls) { read_file(calls, 4096); }
static void read_64k(uint32_t calls) { read_file(calls, 65536); }

static void seek(uint32_t calls) {
  for (uint32_t i = 0; i < calls; i++) seek_to(i & 1023);
}

static __wasi_fd_t open_path(const char *path, __wasi_oflags_t flags) {
  __wasi_fd_t opened;
  const __wasi_rights_t rights = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_READDIR;
  check(__wasi_path_open(DIRECTORY, FOLLOW, path, flags, rights, 0, 0, &opened), path);
  return opened;
}

static void open_close(uint32_t calls) {
  for (uint32_t i = 0; i < calls; i++) check(__wasi_fd_close(open_path("data.bin", 0)), "close");
}

static void file_status(uint32_t calls) {
  __wasi_filestat_t status;
  for (uint32_t i = 0; i < calls; i++) check(__wasi_path_filestat_get(DIRECTORY, FOLLOW, "data.bin", &status), "filestat");
}

static void read_directory(uint32_t calls) {
  __wasi_size_t used;
  for (uint32_t i = 0; i < calls; i++) check(__wasi_fd_readdir(list, buffer, 4096, 0, &used), "readdir");
}

static void random_bytes(uint32_t calls) {
  for (uint32_t i = 0; i < calls; i++) check(__wasi_random_get(buffer, 16), "random");
}

static const struct {
  const char *name;
  void (*run)(uint32_t calls);
} subjects[] = {
    {"clock", read_clock},     {"write-64", write_small}, {"read-64", read_64},        {"read-4k", read_4k},
    {"read-64k", read_64k},    {"seek", seek},            {"open-close", open_close},  {"stat", file_status},
    {"readdir", read_directory}, {"random-16", random_bytes},
};

static void measure(const char *argument) {
  const char *equals = strchr(argument, '=');
  const size_t length = equals == NULL ? 0 : (size_t)(equals - argument);
  for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
    if (strlen(subjects[i].name) != length || strncmp(subjects[i].name, argument, length) != 0) continue;
    const uint32_t calls = (uint32_t)strtoul(equals + 1, NULL, 10);
    const uint64_t processor = now(THREAD_CPUTIME);
    const uint64_t wall = now(__WASI_CLOCKID_MONOTONIC);
    subjects[i].run(calls);
    const uint64_t wall_ns = now(__WASI_CLOCKID_MONOTONIC) - wall;
    const uint64_t processor_ns = now(THREAD_CPUTIME) - processor;
    fprintf(stderr, "{\"subject\":\"%s\",\"calls\":%u,\"wall\":%llu,\"cpu\":%llu}\n", subjects[i].name, calls,
            (unsigned long long)wall_ns, (unsigned long long)processor_ns);
    return;
  }
  fprintf(stderr, "unknown subject: %s\n", argument);
  exit(2);
}

int main(int count, char **arguments) {
  data = open_path("data.bin", 0);
  list = open_path("list", __WASI_OFLAGS_DIRECTORY);
  for (int i = 1; i < count; i++) measure(arguments[i]);
  return 0;
}
