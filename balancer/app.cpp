#include "balancer/app.h"

#include "balancer/proxy/balancer.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/result.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace fettle::balancer {

namespace {

Result<void> ignore_signals() {
    struct sigaction ignore {};

    ignore.sa_handler = SIG_IGN;
    for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE}) {
        if (::sigaction(number, &ignore, nullptr) != 0) {
            return errno_error("cannot ignore a signal");
        }
    }
    return {};
}

Result<void> raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return errno_error("cannot read the limit of open files");
    }
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return errno_error("cannot raise the limit of open files");
    }
    return {};
}

struct Identity {
    uid_t user;
    gid_t group;
};

Result<Identity> nobody() {
    const passwd* user = ::getpwnam("nobody");
    if (user == nullptr) {
        return Error{
                "there is no user 'nobody' for the balancer to run as: add one, or start fettle as another user than "
                "root"};
    }
    const group* group = ::getgrnam("nogroup");
    return Identity{user->pw_uid, group != nullptr ? group->gr_gid : user->pw_gid};
}

Result<void> give_up_root() {
    if (::geteuid() == 0) {
        FETTLE_TRY(identity, nobody());
        if (::setgroups(0, nullptr) != 0 || ::setresgid(identity.group, identity.group, identity.group) != 0 ||
            ::setresuid(identity.user, identity.user, identity.user) != 0) {
            return errno_error("cannot give up root");
        }
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return errno_error("cannot set no_new_privs");
    }
    return {};
}

Result<void> start(Options options) {
    FETTLE_CHECK_OK(ignore_signals());
    FETTLE_CHECK_OK(raise_descriptor_limit());
    FETTLE_CHECK_OK(give_up_root());
    BalancerSetup setup{
            .control = Fd(options.control_fd),
            .listeners = {},
            .incarnation = options.incarnation,
            .config = std::move(options.config),
            .access_log = options.access_log,
    };
    for (const int fd : options.listener_fds) {
        setup.listeners.emplace_back(fd);
    }
    return serve(std::move(setup));
}

}  // namespace

int run(Options options) {
    if (auto started = start(std::move(options)); !started) {
        log::error("balancer cannot start reason='{}'", started.error().message());
        return static_cast<int>(ExitCode::Internal);
    }
    return static_cast<int>(ExitCode::Ok);
}

}  // namespace fettle::balancer
