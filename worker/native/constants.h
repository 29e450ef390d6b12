// Python objects that are made once per module and used by every request: environ keys and common values.
#pragma once

#include "ipc/request_record.h"
#include "worker/native/py_ref.h"

#include <array>
#include <string_view>

namespace fettle::worker {

// Keys of the environ, and names of attributes. The order is that of kNames in constants.cpp.
enum class Name {
    RequestMethod,
    ScriptName,
    PathInfo,
    QueryString,
    RawUri,
    RequestUri,
    ServerName,
    ServerPort,
    ServerProtocol,
    ServerSoftware,
    RemoteAddr,
    RemotePort,
    Https,
    ContentLength,
    WsgiVersion,
    WsgiUrlScheme,
    WsgiInput,
    WsgiInputTerminated,
    WsgiErrors,
    WsgiMultithread,
    WsgiMultiprocess,
    WsgiRunOnce,
    WsgiFileWrapper,
    RequestId,
    Close,
    Read,
    Fileno,
    Tell,
    Flush,
    Raw,
    Count,
};

// Values that many requests share.
enum class Value { Empty, Http, Https, Http10, Http11, Port80, Port443, On, Count };

class Constants {
  public:
    // False: a Python error is set.
    [[nodiscard]] bool make();

    [[nodiscard]] PyObject* operator[](Name name) const { return names_[static_cast<std::size_t>(name)].get(); }

    [[nodiscard]] PyObject* operator[](Value value) const { return values_[static_cast<std::size_t>(value)].get(); }

    // "HTTP_ACCEPT" for KnownHeader::Accept, "CONTENT_TYPE" for KnownHeader::ContentType; null for KnownHeader::Other
    // and for numbers beyond the table.
    [[nodiscard]] PyObject* header_key(std::uint16_t known) const {
        return known < header_keys_.size() ? header_keys_[known].get() : nullptr;
    }

    // The str of a common method, else a new one.
    [[nodiscard]] py::Ref method(std::string_view name) const;

    // For tp_traverse and tp_clear of the module.
    [[nodiscard]] int visit(visitproc visitor, void* argument) const;
    void clear();

  private:
    static constexpr std::size_t kMethods = 7;

    std::array<py::Ref, static_cast<std::size_t>(Name::Count)> names_;
    std::array<py::Ref, static_cast<std::size_t>(Value::Count)> values_;
    std::array<py::Ref, static_cast<std::size_t>(ipc::KnownHeader::Count)> header_keys_;
    std::array<py::Ref, kMethods> methods_;
};

// A new str of these Latin-1 bytes.
[[nodiscard]] inline py::Ref latin1(std::string_view text) {
    return py::Ref::steal(
            PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, text.data(), static_cast<Py_ssize_t>(text.size())));
}

}  // namespace fettle::worker
