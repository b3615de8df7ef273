// spawn_time [-s STATUS] ROUNDS COMMAND...: runs it that often, its output thrown away, and fails where it ends with another status; prints the median of posix_spawn to wait in microseconds and
// the largest resident set in kilobytes. A small program measures this: a child's peak begins at its parent's.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int by_size(const void* a, const void* b) {
  const long one = *(const long*)a, other = *(const long*)b;
  return (one > other) - (one < other);
}

int main(int count, char** words) {
  const int wanted = count > 3 && strcmp(words[1], "-s") == 0 ? atoi(words[2]) : -1;
  if (wanted >= 0) {
    count -= 2;
    words += 2;
  }
  const int rounds = count > 2 ? atoi(words[1]) : 0;
  if (rounds < 1) return 2;
  long* took = calloc((size_t)rounds, sizeof *took);
  long most = 0;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  if (wanted > 0) posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  for (int i = 0; i < rounds; ++i) {
    struct timespec begin, end;
    struct rusage used;
    pid_t pid;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (posix_spawnp(&pid, words[2], &actions, NULL, words + 2, environ) != 0) return 1;
    if (wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status)) return 1;
    if (WEXITSTATUS(status) != (wanted > 0 ? wanted : 0)) return 1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    took[i] = (end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000;
    if (used.ru_maxrss > most) most = used.ru_maxrss;
  }
  qsort(took, (size_t)rounds, sizeof *took, by_size);
  printf("%ld %ld\n", took[rounds / 2], most);
  return 0;
}
