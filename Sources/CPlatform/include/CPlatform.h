// The few Linux calls that Swift's Glibc does not export or cannot make safely.
// What must stay true: no state, no allocation that outlives a call; a failure is -1 with errno set.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stdint.h>
#include <sys/types.h>

/// Who is at the other end of a Unix socket (the layout of the kernel's struct ucred).
typedef struct {
  pid_t pid;
  uid_t uid;
  gid_t gid;
} vp_ucred;

/// Reads SO_PEERCRED of a connected Unix socket.
int vp_peer_cred(int fd, vp_ucred *credentials);

/// Takes an exclusive flock without waiting; -1 with EWOULDBLOCK when another process holds it.
int vp_flock_exclusive_nonblocking(int fd);

/// Sets FD_CLOEXEC.
int vp_set_cloexec(int fd);

/// Sends SIGKILL to a process group (never to group 0 or 1: EINVAL).
int vp_kill_group(pid_t pgid);

/// Sends a signal to one process (never to 0 or below: EINVAL).
int vp_kill(pid_t pid, int signal);

/// Makes this process receive `signal` when its parent dies; -1 with ESRCH when the parent is no longer `parent`
/// (pass 0 to skip that check).
int vp_pdeathsig(int signal, pid_t parent);

/// A listening Unix socket (close-on-exec, non-blocking) at `path` with exactly `mode`, never wider in between:
/// the inode is made under fchmod before bind, then chmod, which only loosens. A file already there is EADDRINUSE;
/// a path longer than the address can hold is ENAMETOOLONG. The caller removes the file.
int vp_open_unix_listener(const char *path, mode_t mode, int backlog);

/// Sets or changes the length of the accept queue of a listening socket.
int vp_listen(int fd, int backlog);

/// Bytes an unprivileged process can still write on the file system of `path`.
int vp_free_bytes(const char *path, uint64_t *bytes);

/// The same for an open file or directory.
int vp_free_bytes_fd(int fd, uint64_t *bytes);

/// Renames only when nothing is at the new name (EEXIST otherwise).
int vp_rename_noreplace(int from_dir, const char *from, int to_dir, const char *to);

/// Exchanges two names atomically.
int vp_rename_exchange(int from_dir, const char *from, int to_dir, const char *to);

/// Opens for reading, close-on-exec and non-blocking, a file named relative to `dir`, never leaving `dir` and
/// following no link in any part of the name. ELOOP for a link, EXDEV for an escape.
int vp_open_beneath(int dir, const char *name);

/// Opens a directory (O_PATH is not used, so it can be listed) relative to `dir`, never leaving it, no links.
int vp_open_directory_beneath(int dir, const char *name);

/// Opens a directory by absolute or relative path, close-on-exec; its last part may not be a link.
int vp_open_directory(const char *path);

/// What fstat says of an open file, in types that Swift reads alike on every architecture.
typedef struct {
  uint64_t device;
  uint64_t inode;
  uint64_t links;
  int64_t size;
  int64_t modified_seconds;
  int64_t modified_nanoseconds;
  uint32_t mode;
  int is_regular;
  int is_directory;
  int is_link;
} vp_stat;

int vp_fstat(int fd, vp_stat *found);
/// Does not follow a link in the last part of the name.
int vp_lstat_at(int dir, const char *name, vp_stat *found);

/// Makes written data of a file durable (fsync), a directory's entries too.
int vp_sync(int fd);

/// Calls `visit` with the path of each shared object this process has loaded.
int vp_each_loaded_object(void (*visit)(const char *path, void *context), void *context);

/// Makes an anonymous file sealed against further change, holding `count` bytes, offset at the start, close-on-exec.
int vp_sealed_memory_file(const char *name, const uint8_t *bytes, size_t count);

#endif
