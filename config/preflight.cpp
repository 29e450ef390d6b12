#include "config/preflight.h"

#include "base/result.h"
#include "config/bind_address.h"
#include "config/value.h"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace fettle::config {
namespace {

Result<void> usable_directory(const std::string& path, int access_mode) {
    struct stat status {};

    if (stat(path.c_str(), &status) != 0) {
        return errno_error(fmt::format("the directory {} cannot be used", excerpt(path)));
    }
    if (!S_ISDIR(status.st_mode)) {
        return Error{fmt::format("{} is not a directory", excerpt(path))};
    }
    if (access(path.c_str(), access_mode) != 0) {
        return errno_error(fmt::format("the directory {} cannot be used", excerpt(path)));
    }
    return {};
}

void check_directory(const Effective& effective, std::string_view setting, const std::string& path, int access_mode,
                     Problems& problems) {
    if (is_refused(problems, setting)) {
        return;
    }
    if (const auto usable = usable_directory(path, access_mode); !usable) {
        problems.push_back({effective.origin_of(setting), std::string(setting),
                            fmt::format("{}: {}", setting, usable.error().message())});
    }
}

// An existing file must be writable, a new one needs a directory that is.
Result<void> writable_file(const std::string& path) {
    if (access(path.c_str(), W_OK) == 0) {
        struct stat status {};

        if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
            return Error{fmt::format("{} is a directory; expected a file", excerpt(path))};
        }
        return {};
    }
    if (errno != ENOENT) {
        return errno_error(fmt::format("the file {} cannot be written", excerpt(path)));
    }
    const auto slash = path.rfind('/');
    return usable_directory(slash == path.npos ? "." : path.substr(0, slash + 1), W_OK | X_OK);
}

void check_log_file(const Effective& effective, std::string_view setting, const std::string& path, Problems& problems) {
    if (is_refused(problems, setting) || path.empty() || path == "-") {
        return;
    }
    if (const auto usable = writable_file(path); !usable) {
        problems.push_back({effective.origin_of(setting), std::string(setting),
                            fmt::format("{}: {}", setting, usable.error().message())});
    }
}

// ExitCode::Bind, as for every other address that cannot be listened on.
void check_socket_directories(const Effective& effective, Problems& problems) {
    constexpr std::string_view kSetting = "listen.bind";
    if (is_refused(problems, kSetting)) {
        return;
    }
    for (const std::string& text : effective.config.listen.bind) {
        const auto address = parse_bind_address(text);
        if (!address || address->kind != BindAddress::Unix) {
            continue;
        }
        const auto slash = address->path.rfind('/');
        const std::string directory = slash == std::string::npos ? "." : address->path.substr(0, slash + 1);
        if (const auto usable = usable_directory(directory, W_OK | X_OK); !usable) {
            problems.push_back({effective.origin_of(kSetting), std::string(kSetting),
                                fmt::format("{}: cannot listen on {}: {}", kSetting, text, usable.error().message()),
                                ExitCode::Bind});
        }
    }
}

}  // namespace

void preflight(const Effective& effective, Problems& problems) {
    check_directory(effective, "app.chdir", effective.config.app.chdir, X_OK, problems);
    check_socket_directories(effective, problems);
    check_directory(effective, "http.spool_dir", effective.config.http.spool_dir, W_OK | X_OK, problems);
    check_log_file(effective, "log.file", effective.config.log.file, problems);
    check_log_file(effective, "log.access", effective.config.log.access, problems);
}

}  // namespace fettle::config
