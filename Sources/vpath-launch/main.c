// The first program of every child: what must happen between fork and exec, and inside the sandbox before the tool.
//
//   vpath-launch outside PARENT_PID DIRECTORY PROGRAM [ARGUMENT…]
//     dies with its parent; opens DIRECTORY/arguments as descriptor 8, DIRECTORY/seccomp as 9 (each where it exists)
//     and DIRECTORY/started as 7, all inherited; then becomes PROGRAM (bubblewrap, or this program's other role).
//   vpath-launch inside LIMIT=VALUE… -- PROGRAM [ARGUMENT…]
//     applies the limits, writes "1" to descriptor 7, then becomes PROGRAM. What went wrong is written there instead.
//
// What must stay true: no shell, no environment read, no file but those three; limits are set inside the sandbox, since
// RLIMIT_NPROC and a filter set before bubblewrap would break it.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STARTED_FD = 7, ARGUMENTS_FD = 8, SECCOMP_FD = 9, FAILED = 125 };

static const struct {
  const char *name;
  int resource;
} limits[] = {
  {"as", RLIMIT_AS},       {"data", RLIMIT_DATA},     {"cpu", RLIMIT_CPU},     {"fsize", RLIMIT_FSIZE},
  {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"core", RLIMIT_CORE},   {"memlock", RLIMIT_MEMLOCK},
};

static int fail(int to, const char *what, const char *name) {
  dprintf(to, "E%d %s %s: %s\n", errno, what, name, strerror(errno));
  return FAILED;
}

/// Opens `directory/name` as descriptor `wanted`, which exec keeps. A missing file is fine unless `create`.
static int open_as(const char *directory, const char *name, int wanted, int create) {
  char path[4096];
  int length = snprintf(path, sizeof path, "%s/%s", directory, name);
  if (length < 0 || (size_t)length >= sizeof path) return errno = ENAMETOOLONG, -1;
  int fd = open(path, (create ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return errno == ENOENT && !create ? 0 : -1;
  if (fd == wanted) return fcntl(fd, F_SETFD, 0);
  int copied = dup2(fd, wanted);
  close(fd);
  return copied < 0 ? -1 : 0;
}

static int set_limit(const char *text) {
  const char *equals = strchr(text, '=');
  char *end = NULL;
  errno = EINVAL;
  if (!equals) return -1;
  unsigned long long value = strtoull(equals + 1, &end, 10);
  if (end == equals + 1 || *end != 0) return -1;
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    if (strlen(limits[i].name) != (size_t)(equals - text) || strncmp(limits[i].name, text, (size_t)(equals - text)) != 0)
      continue;
    struct rlimit now, wanted = {(rlim_t)value, (rlim_t)value};
    if (getrlimit(limits[i].resource, &now) != 0) return -1;
    if (now.rlim_max != RLIM_INFINITY && wanted.rlim_max > now.rlim_max) wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
    return setrlimit(limits[i].resource, &wanted);
  }
  return -1;
}

static int outside(int count, char **words) {
  if (count < 3) return fprintf(stderr, "vpath-launch: outside PARENT_PID DIRECTORY PROGRAM [ARGUMENT...]\n"), 64;
  pid_t parent = (pid_t)strtol(words[0], NULL, 10);
  if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0, 0, 0) != 0) return fail(STDERR_FILENO, "set", "PDEATHSIG");
  if (getppid() != parent) return FAILED;  // the parent died before the line above
  int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);  // a tool goes before the daemon; best effort
  if (score >= 0) {
    if (write(score, "500", 3) < 0) errno = 0;
    close(score);
  }
  if (open_as(words[1], "arguments", ARGUMENTS_FD, 0) != 0) return fail(STDERR_FILENO, "open", "arguments");
  if (open_as(words[1], "seccomp", SECCOMP_FD, 0) != 0) return fail(STDERR_FILENO, "open", "seccomp");
  if (open_as(words[1], "started", STARTED_FD, 1) != 0) return fail(STDERR_FILENO, "open", "started");
  execv(words[2], words + 2);
  return fail(STDERR_FILENO, "run", words[2]);
}

static int inside(int count, char **words) {
  int first = 0;
  umask(077);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return fail(STARTED_FD, "set", "NO_NEW_PRIVS");
  for (; first < count && strcmp(words[first], "--") != 0; first++)
    if (set_limit(words[first]) != 0) return fail(STARTED_FD, "limit", words[first]);
  if (first + 1 >= count) return errno = EINVAL, fail(STARTED_FD, "run", "nothing");
  fcntl(STARTED_FD, F_SETFD, FD_CLOEXEC);
  if (write(STARTED_FD, "1", 1) != 1) return FAILED;
  execv(words[first + 1], words + first + 1);
  return fail(STARTED_FD, "run", words[first + 1]);
}

int main(int count, char **words) {
  if (count > 2 && strcmp(words[1], "outside") == 0) return outside(count - 2, words + 2);
  if (count > 2 && strcmp(words[1], "inside") == 0) return inside(count - 2, words + 2);
  fprintf(stderr, "vpath-launch is started by vpathd only.\n");
  return 64;
}
