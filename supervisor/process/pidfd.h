// pidfd_open(2) and pidfd_send_signal(2) by syscall(2): <sys/pidfd.h> of glibc 2.36 (Debian 12) cannot be used from
// C++, because it declares its functions without C linkage.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace fettle::supervisor {

// A close-on-exec descriptor, or -1 and errno.
[[nodiscard]] inline int pidfd_open(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

// 0, or -1 and errno.
[[nodiscard]] inline int pidfd_send_signal(int pidfd, int number) {
    return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0));
}

}  // namespace fettle::supervisor
