#include "config/preflight.h"

#include "base/result.h"
#include "config/value.h"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

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
    if (const auto usable = usable_directory(path, access_mode); !usable) {
        problems.push_back({effective.origin_of(setting), std::string(setting),
                            fmt::format("{}: {}", setting, usable.error().message())});
    }
}

}  // namespace

void preflight(const Effective& effective, Problems& problems) {
    check_directory(effective, "app.chdir", effective.config.app.chdir, X_OK, problems);
    check_directory(effective, "http.spool_dir", effective.config.http.spool_dir, W_OK | X_OK, problems);
}

}  // namespace fettle::config
