// Makes the calls of micro.c straight from C: raw DIRECTORY SUBJECT=CALLS ...
//
// What the kernel takes by itself on this machine. Prints what micro.c prints, on standard error.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint8_t buffer[65536] __attribute__((aligned(16)));
static int directory;
static int data;
static int list;

static long check(long result, const char *what) {
  if (result >= 0) return result;
  perror(what);
  exit(1);
}

static uint64_t now(clockid_t clock) {
  struct timespec time;
  check(clock_gettime(clock, &time), "clock_gettime");
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void read_clock(uint32_t calls) {
  struct timespec time;
  for (uint32_t i = 0; i < calls; i++) check(clock_gettime(CLOCK_MONOTONIC, &time), "clock");
}

static void write_small(uint32_t calls) {
  for (uint32_t i = 0; i < calls; i++) check(write(1, buffer, 64), "write");
}

static void read_file(uint32_t calls, long size) {
  check(lseek(data, 0, SEEK_SET), "seek");
  for (uint32_t i = 0; i < calls; i++) {
    if (check(read(data, buffer, (size_t)size), "read") < size) check(lseek(data, 0, SEEK_SET), "seek");
  }
}

static void read_64(uint32_t calls) { read_file(calls, 64); }
static void read_4k(uint32_t calls) { read_file(calls, 4096); }
static void read_64k(uint32_t calls) { read_file(calls, 65536); }

static void seek(uint32_t calls) {
  for (uint32_t i = 0; i < calls; i++) check(lseek(data, i & 1023, SEEK_SET), "seek");
}

static void open_close(uint32_t calls) {
  for (uint32_t i = 0; i < calls; i++) {
    check(close((int)check(openat(directory, "data.bin", O_RDONLY | O_CLOEXEC), "open")), "close");
  }
}

static void file_status(uint32_t calls) {
  struct stat status;
  for (uint32_t i = 0; i < calls; i++) check(fstatat(directory, "data.bin", &status, 0), "stat");
}

static void read_directory(uint32_t calls) {
  for (uint32_t i = 0; i < calls; i++) {
    check(lseek(list, 0, SEEK_SET), "seek");
    while (check(syscall(SYS_getdents64, list, buffer, 32768), "getdents64") > 0) continue;
  }
}

static void random_bytes(uint32_t calls) {
  for (uint32_t i = 0; i < calls; i++) check(syscall(SYS_getrandom, buffer, 16, 0), "getrandom");
}

static void user(uint32_t calls) {
  for (uint32_t i = 0; i < calls; i++) check(syscall(SYS_getuid), "getuid");
}

static const struct {
  const char *name;
  void (*run)(uint32_t calls);
} subjects[] = {
    {"clock", read_clock},     {"write-64", write_small}, {"read-64", read_64},        {"read-4k", read_4k},
    {"read-64k", read_64k},    {"seek", seek},            {"open-close", open_close},  {"stat", file_status},
    {"readdir", read_directory}, {"random-16", random_bytes}, {"getuid", user},
};

static void measure(const char *argument) {
  const char *equals = strchr(argument, '=');
  const size_t length = equals == NULL ? 0 : (size_t)(equals - argument);
  for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
    if (strlen(subjects[i].name) != length || strncmp(subjects[i].name, argument, length) != 0) continue;
    const uint32_t calls = (uint32_t)strtoul(equals + 1, NULL, 10);
    const uint64_t processor = now(CLOCK_THREAD_CPUTIME_ID);
    const uint64_t wall = now(CLOCK_MONOTONIC);
    subjects[i].run(calls);
    const uint64_t wall_ns = now(CLOCK_MONOTONIC) - wall;
    const uint64_t processor_ns = now(CLOCK_THREAD_CPUTIME_ID) - processor;
    fprintf(stderr, "{\"subject\":\"%s\",\"calls\":%u,\"wall\":%llu,\"cpu\":%llu}\n", subjects[i].name, calls,
            (unsigned long long)wall_ns, (unsigned long long)processor_ns);
    return;
  }
  fprintf(stderr, "unknown subject: %s\n", argument);
  exit(2);
}

int main(int count, char **arguments) {
  if (count < 2) return 2;
  directory = (int)check(open(arguments[1], O_RDONLY | O_DIRECTORY), arguments[1]);
  data = (int)check(openat(directory, "data.bin", O_RDONLY), "data.bin");
  list = (int)check(openat(directory, "list", O_RDONLY | O_DIRECTORY), "list");
  for (int i = 2; i < count; i++) measure(arguments[i]);
  return 0;
}
