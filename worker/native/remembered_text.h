// Strs that were made for earlier requests of a slot and are used again while a field says the same: most fields of
// most requests do. Making a str costs several times what comparing one does.
//
// Bounded: one str of at most kLongestRemembered characters per field, and 256 port numbers. Cookies, Authorization and
// headers without a known name are never remembered; a path or a Referer is, until the next request says otherwise.
//
// Used attached, on the slot's own thread.
#pragma once

#include "ipc/request_record.h"
#include "worker/native/constants.h"
#include "worker/native/py_ref.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace fettle::worker {

inline constexpr std::size_t kLongestRemembered = 512;

// One field. Latin-1, like all text of an environ.
class RememberedText {
  public:
    // The str of `text`; null: a Python error is set.
    [[nodiscard]] py::Ref get(std::string_view text) {
        if (!says(text)) {
            if (text.size() > kLongestRemembered) {
                return latin1(text);
            }
            text_ = latin1(text);
        }
        return py::Ref::borrow(text_.get());
    }

    void forget() { text_.reset(); }

  private:
    [[nodiscard]] bool says(std::string_view text) const {
        return text_ && static_cast<std::size_t>(PyUnicode_GET_LENGTH(text_.get())) == text.size() &&
               std::memcmp(PyUnicode_1BYTE_DATA(text_.get()), text.data(), text.size()) == 0;
    }

    py::Ref text_;
};

// Port numbers: those of clients return with their connections.
class RememberedPorts {
  public:
    [[nodiscard]] py::Ref get(std::uint16_t port) {
        Entry& entry = entries_[port % entries_.size()];
        if (!entry.text || entry.port != port) {
            std::array<char, 5> digits;
            const char* end = std::to_chars(digits.begin(), digits.end(), port).ptr;
            entry = {port, latin1({digits.data(), static_cast<std::size_t>(end - digits.data())})};
        }
        return py::Ref::borrow(entry.text.get());
    }

    void forget() { entries_ = {}; }

  private:
    struct Entry {
        std::uint16_t port = 0;
        py::Ref text;
    };

    std::array<Entry, 256> entries_;
};

struct RememberedTexts {
    RememberedText path;
    RememberedText client_address;
    RememberedText server_name;
    RememberedPorts ports;
    std::array<RememberedText, static_cast<std::size_t>(ipc::KnownHeader::Count)> headers;

    // The value of a header with a known name.
    [[nodiscard]] py::Ref header(std::uint16_t known, std::string_view value) {
        switch (static_cast<ipc::KnownHeader>(known)) {
            case ipc::KnownHeader::Authorization:
            case ipc::KnownHeader::Cookie:
            case ipc::KnownHeader::Other:
                return latin1(value);
            default:
                return headers[known].get(value);
        }
    }

    void forget() {
        path.forget();
        client_address.forget();
        server_name.forget();
        ports.forget();
        for (RememberedText& header : headers) {
            header.forget();
        }
    }
};

}  // namespace fettle::worker
