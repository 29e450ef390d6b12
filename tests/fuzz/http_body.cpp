// HTTP bodies behind a fixed head: the input is a chunked body, or one with a Content-Length, and what follows it.
// Oracles: the result does not depend on the cuts; the reference decodes what is accepted to the same bytes and the
// same end; a plain chunked body is never refused; a body with a length never is.
#include "base/assert.h"
#include "tests/fuzz/wire.h"
#include "tests/fuzz/wire_reference.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using namespace fettle;

void chunked(const fuzz::Input& input) {
    const std::string wire =
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(input.wire);
    fuzz::Input whole = input;
    whole.wire = wire;
    const fuzz::Transcript transcript = fuzz::parse_in_all_cuts(whole);
    fuzz::compare_with_reference(transcript, wire);
    const auto reference = fuzz::read_chunked(input.wire);
    const bool within_limit =
            reference && (input.limits.max_body_bytes == 0 ||
                          static_cast<std::int64_t>(reference->data.size()) <= input.limits.max_body_bytes);
    FETTLE_ASSERT(!(within_limit && reference->plain) || transcript.messages.front().end != 0,
                  "a plain chunked body was refused");
    FETTLE_ASSERT(input.limits.max_body_bytes == 0 || transcript.messages.front().body.size() <=
                                                              static_cast<std::size_t>(input.limits.max_body_bytes),
                  "a body outgrew its limit");
}

void with_length(const fuzz::Input& input, std::size_t length) {
    const std::string wire = "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" +
                             std::string(input.wire);
    fuzz::Input whole = input;
    whole.wire = wire;
    const fuzz::Transcript transcript = fuzz::parse_in_all_cuts(whole);
    fuzz::compare_with_reference(transcript, wire);
    FETTLE_ASSERT(!transcript.messages.empty(), "a body with a length was refused");
    FETTLE_ASSERT((transcript.messages.front().end != 0) == (input.wire.size() >= length),
                  "a body with a length ended elsewhere");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Input input(std::span(data, size));
    chunked(input);
    if (!input.cuts.empty()) {
        with_length(input, input.cuts.front());
    }
    return 0;
}
