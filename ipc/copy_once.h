// Reading memory that somebody else writes.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

namespace fettle::ipc {

// A copy of what its writer may change at any moment. The compiler must take all later uses from the copy: without the
// barrier it may read the shared memory a second time, after the value was checked. Any alignment.
template <class T>
[[nodiscard]] T copy_once(const std::byte* shared) {
    static_assert(std::is_trivially_copyable_v<T>);
    T copy;
    std::memcpy(&copy, shared, sizeof(copy));
    asm volatile("" : "+m"(copy));
    return copy;
}

}  // namespace fettle::ipc
