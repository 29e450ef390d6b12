// Memory files (memfd_create(2)) and their mappings.
#pragma once

#include "base/fd.h"

#include <boost/interprocess/mapped_region.hpp>

#include <cstddef>
#include <string>

namespace fettle::ipc {

enum class Access { ReadOnly, ReadWrite };

// A mapping of a whole memory file; unmapped on destruction. Does not own the descriptor.
class Segment {
  public:
    static Result<Segment> map(int fd, std::size_t bytes, Access access);
    Segment() = default;

    [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(region_.get_address()); }

    [[nodiscard]] std::size_t size() const { return region_.get_size(); }

  private:
    explicit Segment(boost::interprocess::mapped_region region) : region_(std::move(region)) {}

    boost::interprocess::mapped_region region_;
};

// Creates a close-on-exec memory file of `bytes` zero bytes that accepts seals. `name` shows in /proc/PID/maps.
[[nodiscard]] Result<Fd> create_memory_file(const std::string& name, std::size_t bytes);

// Nobody can change the size any more, and no further seal can be set.
[[nodiscard]] Result<void> seal_size(int fd);

// As seal_size, and mappings made from now on cannot be writable (F_SEAL_FUTURE_WRITE); those that exist stay so.
[[nodiscard]] Result<void> seal_size_and_future_writes(int fd);

// The size of a file whose size is sealed; an Error if it is not sealed or is not `expected` bytes.
[[nodiscard]] Result<void> check_sealed_size(int fd, std::size_t expected);

}  // namespace fettle::ipc
