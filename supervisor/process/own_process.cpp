#include "supervisor/process/own_process.h"

#include "base/fd.h"
#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace fettle::supervisor {

namespace {

// One that is closed would be taken by the next socket, and children would write their errors into it.
void open_standard_descriptors() {
    int fd = 0;
    do {
        fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd >= 0 && fd <= STDERR_FILENO) {
            ::fcntl(fd, F_SETFD, 0);  // it stays, and children inherit it
        }
    } while (fd >= 0 && fd <= STDERR_FILENO);
    Fd(fd).reset();
}

}  // namespace

void prepare_own_process() {
    open_standard_descriptors();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);  // whoever started us may have blocked what stops us

    struct sigaction ignore {};

    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, nullptr);  // a write to somebody who is gone is an error, not a death
}

rlimit raise_descriptor_limit() {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit raised = before;
    raised.rlim_cur = raised.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) {
        log::warning("the limit of open files stays at {}: {}", before.rlim_cur, errno_error("setrlimit").message());
    }
    return before;
}

}  // namespace fettle::supervisor
