#include "ipc/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fettle::ipc {

namespace {

// What boost::interprocess::mapped_region needs of something it maps.
struct MemoryFile {
    int fd;

    [[nodiscard]] boost::interprocess::mapping_handle_t get_mapping_handle() const {
        return boost::interprocess::ipcdetail::mapping_handle_from_file_handle(fd);
    }
};

Result<void> add_seals(int fd, int seals) {
    if (::fcntl(fd, F_ADD_SEALS, seals) != 0) {
        return errno_error("cannot seal a memory file");
    }
    return {};
}

}  // namespace

Result<Segment> Segment::map(int fd, std::size_t bytes, Access access) {
    namespace bip = boost::interprocess;
    try {
        return Segment(bip::mapped_region(MemoryFile{fd}, access == Access::ReadOnly ? bip::read_only : bip::read_write,
                                          0, bytes));
    } catch (const bip::interprocess_exception& error) {
        return errno_error("cannot map a memory file of " + std::to_string(bytes) + " bytes", error.get_native_error());
    }
}

Result<Fd> create_memory_file(const std::string& name, std::size_t bytes) {
    Fd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd.valid()) {
        return errno_error("cannot create the memory file '" + name + "'");
    }
    if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
        return errno_error("cannot size the memory file '" + name + "' to " + std::to_string(bytes) + " bytes");
    }
    return fd;
}

Result<void> seal_size(int fd) {
    return add_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

Result<void> seal_size_and_future_writes(int fd) {
    return add_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
}

Result<void> check_sealed_size(int fd, std::size_t expected) {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    constexpr int kNeeded = F_SEAL_SHRINK | F_SEAL_GROW;
    if (seals < 0 || (seals & kNeeded) != kNeeded) {
        return Error{"the memory file's size is not sealed"};
    }

    struct stat status {};

    if (::fstat(fd, &status) != 0) {
        return errno_error("cannot read a memory file's size");
    }
    if (static_cast<std::size_t>(status.st_size) != expected) {
        return Error{"the memory file has " + std::to_string(status.st_size) + " bytes, expected " +
                     std::to_string(expected)};
    }
    return {};
}

}  // namespace fettle::ipc
