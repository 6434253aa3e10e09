// The few Linux calls that Swift's Glibc does not export or cannot make safely. See include/CPlatform.h.

#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

int vp_peer_cred(int fd, vp_ucred *credentials) {
  struct ucred found;
  socklen_t size = sizeof found;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) return -1;
  credentials->pid = found.pid;
  credentials->uid = found.uid;
  credentials->gid = found.gid;
  return 0;
}

int vp_flock_exclusive_nonblocking(int fd) {
  int result;
  do result = flock(fd, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  return result;
}

int vp_set_cloexec(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags < 0 ? -1 : fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

int vp_kill_group(pid_t pgid) {
  if (pgid <= 1) {
    errno = EINVAL;
    return -1;
  }
  return kill(-pgid, SIGKILL);
}

int vp_kill(pid_t pid, int signal) {
  if (pid <= 0) {
    errno = EINVAL;
    return -1;
  }
  return kill(pid, signal);
}

int vp_pdeathsig(int signal, pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0) != 0) return -1;
  if (parent != 0 && getppid() != parent) {
    errno = ESRCH;
    return -1;
  }
  return 0;
}

int vp_open_unix_listener(const char *path, mode_t mode, int backlog) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof address.sun_path) {
    errno = length == 0 ? EINVAL : ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, length);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  int bound = 0;
  // Linux makes the file with the socket inode's mode less the umask, so it is never wider than `mode`.
  if (fchmod(fd, mode) != 0) goto failed;
  if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) goto failed;
  bound = 1;
  if (chmod(path, mode) != 0) goto failed;
  if (listen(fd, backlog) != 0) goto failed;
  return fd;

failed:;
  int saved = errno;
  if (bound) unlink(path);
  close(fd);
  errno = saved;
  return -1;
}

int vp_listen(int fd, int backlog) { return listen(fd, backlog); }

static int free_bytes(const struct statvfs *found, uint64_t *bytes) {
  uint64_t unit = found->f_frsize ? found->f_frsize : found->f_bsize;
  if (__builtin_mul_overflow((uint64_t)found->f_bavail, unit, bytes)) *bytes = UINT64_MAX;
  return 0;
}

int vp_free_bytes(const char *path, uint64_t *bytes) {
  struct statvfs found;
  if (statvfs(path, &found) != 0) return -1;
  return free_bytes(&found, bytes);
}

int vp_free_bytes_fd(int fd, uint64_t *bytes) {
  struct statvfs found;
  if (fstatvfs(fd, &found) != 0) return -1;
  return free_bytes(&found, bytes);
}

int vp_rename_noreplace(int from_dir, const char *from, int to_dir, const char *to) {
  return renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE);
}

int vp_rename_exchange(int from_dir, const char *from, int to_dir, const char *to) {
  return renameat2(from_dir, from, to_dir, to, RENAME_EXCHANGE);
}

static int open_beneath(int dir, const char *name, uint64_t flags) {
  struct open_how how;
  memset(&how, 0, sizeof how);
  how.flags = flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  long fd;
  do fd = syscall(SYS_openat2, dir, name, &how, sizeof how);
  while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return (int)fd;
}

int vp_open_beneath(int dir, const char *name) {
  return open_beneath(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

int vp_open_directory_beneath(int dir, const char *name) {
  return open_beneath(dir, name, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
}

int vp_open_directory(const char *path) {
  return open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
}

static void copy_stat(const struct stat *from, vp_stat *to) {
  to->device = from->st_dev;
  to->inode = from->st_ino;
  to->links = from->st_nlink;
  to->size = from->st_size;
  to->modified_seconds = from->st_mtim.tv_sec;
  to->modified_nanoseconds = from->st_mtim.tv_nsec;
  to->mode = from->st_mode;
  to->is_regular = S_ISREG(from->st_mode);
  to->is_directory = S_ISDIR(from->st_mode);
  to->is_link = S_ISLNK(from->st_mode);
}

int vp_fstat(int fd, vp_stat *found) {
  struct stat raw;
  if (fstat(fd, &raw) != 0) return -1;
  copy_stat(&raw, found);
  return 0;
}

int vp_lstat_at(int dir, const char *name, vp_stat *found) {
  struct stat raw;
  if (fstatat(dir, name, &raw, AT_SYMLINK_NOFOLLOW) != 0) return -1;
  copy_stat(&raw, found);
  return 0;
}

int vp_sync(int fd) { return fsync(fd); }

struct visitor {
  void (*visit)(const char *, void *);
  void *context;
};

static int visit_object(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  const struct visitor *visitor = context;
  if (info->dlpi_name && info->dlpi_name[0] == '/') visitor->visit(info->dlpi_name, visitor->context);
  return 0;
}

int vp_each_loaded_object(void (*visit)(const char *path, void *context), void *context) {
  struct visitor visitor = {visit, context};
  return dl_iterate_phdr(visit_object, &visitor);
}

int vp_sealed_memory_file(const char *name, const uint8_t *bytes, size_t count) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  size_t done = 0;
  while (done < count) {
    ssize_t written = write(fd, bytes + done, count - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) goto failed;
    done += (size_t)written;
  }
  if (lseek(fd, 0, SEEK_SET) != 0) goto failed;
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) goto failed;
  return fd;

failed:;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}
