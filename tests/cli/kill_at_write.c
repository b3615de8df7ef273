// LD_PRELOAD: this process ends by SIGKILL right before the Nth time that it writes to, or syncs, a file whose name ends in
// journal.db-wal. N is CARREL_KILL_AT; CARREL_KILL_COUNT names a file that gets the number of such calls so far, at each.
// Only the program named by CARREL_KILL_PROGRAM (the end of /proc/self/exe) is meant, not what it starts.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int ends_with(const char* text, const char* end) {
  const size_t length = strlen(text), wanted = strlen(end);
  return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

static int link_ends_with(const char* path, const char* end) {
  char target[4096];
  const ssize_t length = readlink(path, target, sizeof target - 1);
  if (length < 0) return 0;
  target[length] = 0;
  return ends_with(target, end);
}

static void tell(long calls) {
  const char* name = getenv("CARREL_KILL_COUNT");
  if (name == NULL) return;
  const int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  dprintf(file, "%ld\n", calls);
  close(file);
}

static void before(int descriptor) {
  static long calls;
  char path[64];
  const char* program = getenv("CARREL_KILL_PROGRAM");
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  if (program == NULL || !link_ends_with("/proc/self/exe", program) || !link_ends_with(path, "journal.db-wal")) return;
  ++calls;
  const char* at = getenv("CARREL_KILL_AT");
  if (at != NULL && calls == atol(at)) kill(getpid(), SIGKILL);
  tell(calls);
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int descriptor, const void* bytes, size_t length) {
  REAL(ssize_t, "write", int, const void*, size_t);
  before(descriptor);
  return real(descriptor, bytes, length);
}
ssize_t pwrite(int descriptor, const void* bytes, size_t length, off_t at) {
  REAL(ssize_t, "pwrite", int, const void*, size_t, off_t);
  before(descriptor);
  return real(descriptor, bytes, length, at);
}
ssize_t pwrite64(int descriptor, const void* bytes, size_t length, off64_t at) {
  REAL(ssize_t, "pwrite64", int, const void*, size_t, off64_t);
  before(descriptor);
  return real(descriptor, bytes, length, at);
}
int fdatasync(int descriptor) {
  REAL(int, "fdatasync", int);
  before(descriptor);
  return real(descriptor);
}
int fsync(int descriptor) {
  REAL(int, "fsync", int);
  before(descriptor);
  return real(descriptor);
}
int ftruncate64(int descriptor, off64_t length) {
  REAL(int, "ftruncate64", int, off64_t);
  before(descriptor);
  return real(descriptor, length);
}
