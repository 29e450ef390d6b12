// A bytes object that grows while it is filled.
#pragma once

#include "worker/native/py_ref.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace fettle::py {

class BytesBuilder {
  public:
    // `expected`: how much will come, if somebody knows; a wrong guess costs only time.
    explicit BytesBuilder(std::size_t expected) : expected_(expected) {}

    [[nodiscard]] std::size_t size() const { return size_; }

    // False: MemoryError is set.
    [[nodiscard]] bool append(std::span<const std::byte> bytes) {
        if (bytes.size() > capacity_ - size_ && !grow(size_ + bytes.size())) {
            return false;
        }
        if (!bytes.empty()) {
            std::memcpy(PyBytes_AS_STRING(bytes_.get()) + size_, bytes.data(), bytes.size());
        }
        size_ += bytes.size();
        return true;
    }

    // What was appended; null: MemoryError is set.
    [[nodiscard]] Ref finish() {
        if (!bytes_) {
            return Ref::steal(PyBytes_FromStringAndSize(nullptr, 0));
        }
        return size_ == capacity_ || resize(size_) ? std::move(bytes_) : Ref();
    }

  private:
    [[nodiscard]] bool grow(std::size_t needed) {
        const std::size_t wanted = std::max({needed, expected_, capacity_ + capacity_ / 2});
        if (bytes_) {
            return resize(wanted);
        }
        bytes_ = Ref::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(wanted)));
        capacity_ = bytes_ ? wanted : 0;
        return static_cast<bool>(bytes_);
    }

    [[nodiscard]] bool resize(std::size_t bytes) {
        PyObject* object = bytes_.release();
        const int failed = _PyBytes_Resize(&object, static_cast<Py_ssize_t>(bytes));  // frees the object if it fails
        bytes_ = Ref::steal(object);
        capacity_ = failed == 0 ? bytes : 0;
        return failed == 0;
    }

    Ref bytes_;
    std::size_t expected_;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;
};

}  // namespace fettle::py
