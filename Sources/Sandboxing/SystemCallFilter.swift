// The system calls a sandboxed child, a tool or the model server, may not make, as a seccomp filter that bubblewrap sets
// last.
// What must stay true: the filter is never set before bubblewrap, which itself mounts and unshares; a call by another
// architecture's numbers kills; what is denied fails with EPERM, so a child can go on.

import CSeccomp
public import Domain
import Glibc

/// Builds the filter's program.
public enum SystemCallFilter {
  private static let allow: UInt32 = 0x7FFF_0000
  private static let killProcess: UInt32 = 0x8000_0000
  private static func fail(with code: Int32) -> UInt32 { 0x0005_0000 | UInt32(code & 0xFFFF) }

  /// Denied whatever their arguments: namespaces and mounts, other processes' memory, kernel doors that tools have
  /// had no use for and attackers have, and memory that belongs to no process (files without a name, System V shared
  /// memory and message queues): what is in them and not mapped counts for nobody's limit. `/dev/shm` has a size.
  static let denied: [String] = [
    "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module",
    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "io_uring_enter",
    "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl",
    "lookup_dcookie", "memfd_create", "memfd_secret", "migrate_pages", "modify_ldt", "mount", "mount_setattr",
    "move_mount", "move_pages",
    "msgget", "name_to_handle_at", "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open", "personality",
    "pidfd_getfd", "pivot_root", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl",
    "quotactl_fd", "reboot", "request_key", "setns", "settimeofday", "shmget", "stime", "swapoff", "swapon", "syslog",
    "umount",
    "umount2", "unshare", "uselib", "userfaultfd", "vhangup", "vmsplice",
  ]

  /// Namespace flags of clone.
  private static let namespaceFlags: [UInt64] = [
    0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
  ]

  /// Writes the filter to an open file as bubblewrap's `--seccomp` reads it. Throws `sandbox.unavailable`.
  public static func write(to descriptor: Int32) throws(VPathError) {
    guard let context = seccomp_init(allow) else {
      throw VPathError(.sandboxUnavailable, "The system call filter could not be made (libseccomp).")
    }
    defer { seccomp_release(context) }
    var failures: Int32 = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, killProcess)
    func deny(_ name: String, _ code: Int32 = EPERM, _ conditions: [scmp_arg_cmp] = []) {
      let number = seccomp_syscall_resolve_name(name)
      // A call that this libseccomp or architecture does not know cannot be named; the kernel may still lack it.
      guard number != -1 else { return }
      let result = seccomp_rule_add_array(context, fail(with: code), number, UInt32(conditions.count), conditions)
      // Numbers below zero stand for calls other architectures have.
      if result != 0, number >= 0 { failures = result }
    }
    for name in denied { deny(name) }
    for name in ["socket", "socketpair"] {
      deny(name, EPERM, [scmp_arg_cmp(arg: 0, op: SCMP_CMP_NE, datum_a: UInt64(AF_UNIX), datum_b: 0)])
    }
    for flag in namespaceFlags {
      deny("clone", EPERM, [scmp_arg_cmp(arg: 0, op: SCMP_CMP_MASKED_EQ, datum_a: flag, datum_b: flag)])
    }
    // Its flags lie in memory where no filter looks; libc falls back to clone.
    deny("clone3", ENOSYS)
    // Typing into the terminal of whoever started the daemon.
    for request in [UInt64(0x5412), 0x541C] {
      deny(
        "ioctl", EPERM,
        [scmp_arg_cmp(arg: 1, op: SCMP_CMP_MASKED_EQ, datum_a: 0xFFFF_FFFF, datum_b: request)])
    }
    guard failures == 0 else {
      throw VPathError(.sandboxUnavailable, "The system call filter could not be made (libseccomp: \(failures)).")
    }
    let written = seccomp_export_bpf(context, descriptor)
    guard written == 0 else {
      throw VPathError(
        .sandboxUnavailable, "The system call filter could not be written: \(String(cString: strerror(-written))).")
    }
  }
}
