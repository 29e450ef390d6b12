#include "base/logging/fields.h"

#include <catch2/catch.hpp>

#include <string>

using fettle::logging::fields_as_json;

TEST_CASE("the fields of a log line become members of a JSON object", "[logging]") {
    struct Case {
        std::string line;
        std::string json;
    };

    const Case cases[] = {
            {"stopped", "{}"},
            {"", "{}"},
            {"worker ready seat=3 pid=4711 took=17ms", R"({"seat":3,"pid":4711,"took":"17ms"})"},
            {"worker died seat=0 cause='signal 9 (SIGKILL), not sent by fettle' next='restarting now'",
             R"({"seat":0,"cause":"signal 9 (SIGKILL), not sent by fettle","next":"restarting now"})"},
            {"request failed status=500 reason='the rule: a=b' request='GET /?seat=9 HTTP/1.1' request_id=1234",
             R"({"status":500,"reason":"the rule: a=b","request":"GET /?seat=9 HTTP/1.1","request_id":"1234"})"},
            {"cannot store directory='/tmp' request_id=ab, free space there or set http.spool_dir",
             R"({"directory":"/tmp","request_id":"ab"})"},
            {"fettle starts application='it's=odd' processes=2", R"({"application":"it's=odd","processes":2})"},
            {"quoted digits='12' zeros=007 zero=0 long=1234567890123456",
             R"({"digits":"12","zeros":"007","zero":0,"long":"1234567890123456"})"},
            {"say text='a \"b\" \\x27'", R"({"text":"a \"b\" \\x27"})"},
            {"twice seat=1 seat=2", R"({"seat":1})"},
            {"an unfinished value='x", "{}"},
            {"nothing= here", "{}"},
            {"Not=a key1=field", "{}"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.line);
        CHECK(fields_as_json(one.line) == one.json);
    }
}

TEST_CASE("free text behind a colon or a line break is not taken for fields", "[logging]") {
    CHECK(fields_as_json("stopping signal=SIGTERM: running requests get seconds=30") == R"({"signal":"SIGTERM"})");
    CHECK(fields_as_json("zygote pid=7 cannot load the application: seat=1") == R"({"pid":7})");
    CHECK(fields_as_json("zygote pid=7 says\nseat=1") == R"({"pid":7})");
}
