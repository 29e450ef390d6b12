#include "request_builder.h"

#include "ipc/request_record.h"

#include <cstring>

namespace fettle::test {

std::vector<std::byte> build_record(const Request& request) {
    ipc::RequestRecord record;
    std::vector<ipc::HeaderEntry> entries(request.headers.size());
    const std::size_t fixed = sizeof(record) + entries.size() * sizeof(ipc::HeaderEntry);
    std::string text;
    const auto add = [&](const std::string& value) {
        const ipc::Span span{static_cast<std::uint32_t>(fixed + text.size()), static_cast<std::uint32_t>(value.size())};
        text += value;
        return span;
    };
    record.method = add(request.method);
    record.path = add(request.path);
    record.query = add(request.query);
    record.client_address = add(request.client_address);
    record.server_name = add(request.server_name);
    record.request_id = add(request.request_id);
    for (std::size_t index = 0; index < entries.size(); ++index) {
        const auto& [name, value] = request.headers[index];
        entries[index] = {add(name), add(value), static_cast<std::uint16_t>(ipc::find_known_header(name))};
    }
    record.body = add(request.body);
    record.header_count = static_cast<std::uint16_t>(entries.size());
    record.http_minor = request.http_minor;
    record.https = request.https ? 1 : 0;
    record.body_length =
            request.unknown_length ? ipc::kBodyLengthUnknown : request.body_length.value_or(request.body.size());
    record.client_port = request.client_port;
    record.server_port = request.server_port;
    record.expects_continue = request.expects_continue ? 1 : 0;
    record.total_bytes = static_cast<std::uint32_t>(fixed + text.size());

    std::vector<std::byte> bytes(record.total_bytes);
    std::memcpy(bytes.data(), &record, sizeof(record));
    if (!entries.empty()) {
        std::memcpy(bytes.data() + sizeof(record), entries.data(), entries.size() * sizeof(ipc::HeaderEntry));
    }
    std::memcpy(bytes.data() + fixed, text.data(), text.size());
    return bytes;
}

}  // namespace fettle::test
