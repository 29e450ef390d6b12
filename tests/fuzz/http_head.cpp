// HTTP heads, with whatever follows them on the connection. Oracles: the result does not depend on the cuts; the
// reference reads every accepted message in the same way; the record for the worker says what the head says.
#include "balancer/http/request_encoder.h"
#include "base/assert.h"
#include "ipc/request_record.h"
#include "tests/fuzz/wire.h"
#include "tests/fuzz/wire_reference.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using namespace fettle;

void compare_record(const http::RequestHead& head) {
    const http::RequestContext context{.client_address = "192.0.2.1",
                                       .server_name = "127.0.0.1",
                                       .request_id = "0123456789abcdef",
                                       .client_port = 1,
                                       .server_port = 2};
    const std::uint32_t bytes = http::encoded_bytes(head, context, 0);
    std::vector<std::uint64_t> room((bytes + 7) / 8);  // aligned, and no word larger than announced
    const auto out = std::as_writable_bytes(std::span(room));
    const http::EncodedRequest encoded = http::encode(out.first(bytes), head, context, head.content_length, 0);
    FETTLE_ASSERT(encoded.bytes == bytes, "a record is as large as announced");
    const ipc::RequestView view(out.first(bytes));
    FETTLE_ASSERT(view.valid() && view.headers().size() == head.headers.size(), "the worker refuses the record");
    FETTLE_ASSERT(view.text(view.record().method) == head.method && view.text(view.record().path) == head.path &&
                          view.text(view.record().query) == head.query,
                  "the record has another request line");
    for (std::size_t index = 0; index < head.headers.size(); ++index) {
        const ipc::HeaderEntry& entry = view.headers()[index];
        FETTLE_ASSERT(view.text(entry.name) == head.headers[index].name &&
                              view.text(entry.value) == head.headers[index].value,
                      "the record has another header");
    }
}

void compare_records(const fuzz::Input& input) {
    http::RequestParser parser(input.limits);
    const auto step = parser.feed(std::as_bytes(std::span(input.wire)));
    if (step.event == http::RequestParser::Event::HeadComplete) {
        compare_record(parser.head());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Input input(std::span(data, size));
    fuzz::compare_with_reference(fuzz::parse_in_all_cuts(input), input.wire);
    compare_records(input);
    return 0;
}
