// What the balancer sees of a response.
#include "python_process.h"

#include <cstdlib>

using fettle::ipc::kSizedWindow;
using fettle::ipc::kStreamWindow;
using fettle::ipc::ResponseKind;
using fettle::test::Answer;
using fettle::test::ReadyWorker;

namespace {

std::string pattern(std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t at = 0; at < bytes; ++at) {
        text[at] = static_cast<char>(at % 251);
    }
    return text;
}

}  // namespace

TEST_CASE("response: a small complete one is a single descriptor", "[worker]") {
    ReadyWorker worker;
    const Answer answer = worker.balancer.ask({.path = "/"});

    CHECK(answer.kinds == std::vector{ResponseKind::Head});
    CHECK(answer.status == 200);
    CHECK(answer.reason == "OK");
    CHECK(answer.headers == decltype(answer.headers){{"Content-Type", "text/plain"}, {"Content-Length", "13"}});
    CHECK(answer.body == "Hello, world!");
    CHECK(answer.app_ns > 0);
}

TEST_CASE("response: a tuple of pieces is gathered", "[worker]") {
    ReadyWorker worker;
    const Answer answer = worker.balancer.ask({.path = "/sequence"});

    CHECK(answer.kinds == std::vector{ResponseKind::Head});
    CHECK(answer.body == "one two three");
}

TEST_CASE("response: 204 has a head alone", "[worker]") {
    ReadyWorker worker;
    const Answer answer = worker.balancer.ask({.path = "/empty"});

    CHECK(answer.status == 204);
    CHECK(answer.reason == "No Content");
    CHECK(answer.kinds == std::vector{ResponseKind::Head});
    CHECK(answer.headers.empty());
}

TEST_CASE("response: HEAD gets the headers only, even of an endless stream", "[worker]") {
    ReadyWorker worker;
    Answer answer = worker.balancer.ask({.method = "HEAD", .path = "/"});
    CHECK(answer.header("Content-Length") == "13");
    CHECK(answer.body.empty());

    answer = worker.balancer.ask({.method = "HEAD", .path = "/endless"});
    CHECK(answer.status == 200);
    CHECK(answer.body.empty());
    CHECK(worker.balancer.get("/closed") == "1");
    CHECK(worker.process.log().empty());
}

TEST_CASE("response: every piece of a stream goes out before the next is asked for", "[worker]") {
    ReadyWorker worker;
    const auto key = worker.balancer.push({.method = "POST", .path = "/stream", .last = false, .unknown_length = true});
    const auto body_is = [&](const std::string& expected) {
        worker.balancer.wait_until([&] { return worker.balancer.answer(key).body == expected; });
    };

    body_is("start");
    worker.balancer.push_body(key, "1", false);
    body_is("start1");
    worker.balancer.push_body(key, "2", false);
    body_is("start12");
    worker.balancer.push_body(key, "", true);

    const Answer& answer = worker.balancer.finish(key);
    CHECK(answer.kinds == std::vector{ResponseKind::Head, ResponseKind::Body, ResponseKind::Body, ResponseKind::End});
    CHECK(answer.header("Content-Length") == "(none)");
}

TEST_CASE("response: start_response may wait for the first piece", "[worker]") {
    ReadyWorker worker;
    const Answer answer = worker.balancer.ask({.path = "/late-start"});
    CHECK(answer.header("X-Late") == "yes");
    CHECK(answer.body == "late");
}

TEST_CASE("response: write() goes out before what is returned", "[worker]") {
    ReadyWorker worker;
    CHECK(worker.balancer.get("/writes") == "one two three");
}

TEST_CASE("response: exc_info replaces headers that are not out yet", "[worker]") {
    ReadyWorker worker;
    const Answer answer = worker.balancer.ask({.path = "/replaces"});
    CHECK(answer.status == 418);
    CHECK(answer.reason == "I'm a teapot");
    CHECK(answer.header("X-First") == "(none)");
    CHECK(answer.header("X-Second") == "yes");
    CHECK(answer.body == "short and stout");
}

TEST_CASE("response: a large body never runs ahead of the credit, and arrives whole", "[worker]") {
    ReadyWorker worker;
    constexpr std::size_t kSize = 10'000'000;
    const std::string kind = GENERATE("list", "sized", "streamed");
    const bool sized = kind != "streamed";
    const std::uint64_t window = sized ? kSizedWindow : kStreamWindow;

    const auto key = worker.balancer.push({.path = "/big/" + kind + "/" + std::to_string(kSize)});
    const auto wait_for_bytes = [&](std::uint64_t bytes) {
        worker.balancer.wait_until([&] { return worker.balancer.answer(key).body.size() >= bytes; });
        CHECK(worker.balancer.answer(key).body.size() == bytes);
    };
    wait_for_bytes(window);
    worker.balancer.grant(key, kSizedWindow + 12345);
    wait_for_bytes(window + 12345);
    worker.balancer.grant(key, kSize + kSizedWindow);

    const Answer& answer = worker.balancer.finish(key);
    CHECK(answer.body == pattern(kSize));
    CHECK(answer.header("Content-Length") == (sized ? std::to_string(kSize) : "(none)"));
    CHECK(answer.last_kind() == ResponseKind::End);
}

TEST_CASE("response: a list that another thread empties meanwhile is sent as it was returned", "[worker]") {
    ReadyWorker worker;
    constexpr std::size_t kSize = 3'000'000;
    const auto key = worker.balancer.push({.path = "/emptied-list"});
    worker.balancer.wait_until([&] { return worker.balancer.answer(key).body.size() == kSizedWindow; });

    worker.folder.write("go", "");
    worker.balancer.wait_until([&] { return std::filesystem::exists(worker.folder.path() / "emptied"); });
    worker.balancer.grant(key, 2 * kSize);

    CHECK((worker.balancer.finish(key).body == std::string(kSize, 'x')));
}

TEST_CASE("response: close() is called once, whatever happened", "[worker]") {
    ReadyWorker worker;
    SECTION("after the last piece") {
        CHECK(worker.balancer.get("/noting") == "ab");
    }
    SECTION("after an exception in the middle") {
        CHECK(worker.balancer.ask({.path = "/noting-raises"}).last_kind() == ResponseKind::Failed);
    }
    SECTION("when it raises itself, which does not spoil the response") {
        const Answer answer = worker.balancer.ask({.path = "/close-raises"});
        CHECK(answer.last_kind() == ResponseKind::End);
        worker.process.wait_for_log("ZeroDivisionError");
    }
    SECTION("when the client leaves") {
        const auto key = worker.balancer.push({.path = "/endless"});
        worker.balancer.wait_until([&] { return worker.balancer.answer(key).body.size() > 100'000; });
        worker.balancer.cancel(key);
        CHECK(worker.balancer.finish(key).last_kind() == ResponseKind::Failed);
        CHECK(worker.process.log().empty());
    }
    CHECK(worker.balancer.get("/closed") == "1");
    CHECK(worker.balancer.get("/closed") == "0");
}

TEST_CASE("file_wrapper: a file is sent from where it stands and closed", "[worker]") {
    ReadyWorker worker;
    const std::string content = pattern(3'000'000);
    worker.folder.write("file", content);
    const std::string kind = GENERATE("plain", "raw", "middle");

    const auto key = worker.balancer.push({.path = "/file/" + kind});
    worker.balancer.grant(key, 2 * content.size());
    const Answer& answer = worker.balancer.finish(key);

    const std::string expected = kind == "middle" ? content.substr(1000) : content;
    CHECK(answer.body == expected);
    CHECK(answer.header("Content-Length") == std::to_string(expected.size()));
    CHECK(worker.balancer.get("/file-is-closed") == "True");
}

TEST_CASE("file_wrapper: an empty file is an empty body", "[worker]") {
    ReadyWorker worker;
    worker.folder.write("file", "");
    const Answer answer = worker.balancer.ask({.path = "/file/plain"});
    CHECK(answer.status == 200);
    CHECK(answer.kinds == std::vector{ResponseKind::Head});
    CHECK(answer.body.empty());
}

TEST_CASE("file_wrapper: a file that does not know its size is read to its end", "[worker]") {
    ReadyWorker worker;
    std::filesystem::create_symlink("/proc/self/status", worker.folder.path() / "file");
    CHECK(worker.balancer.get("/file/plain").rfind("Name:\tfettle:worker3\n", 0) == 0);
}

TEST_CASE("file_wrapper: what only looks like a file is read by its read()", "[worker]") {
    ReadyWorker worker;
    SECTION("in memory") {
        CHECK(worker.balancer.get("/file/memory") == "from memory");
    }
    SECTION("compressed, whose descriptor would give other bytes") {
        worker.folder.write("text", "unpacked");
        REQUIRE(std::system(("gzip -c '" + (worker.folder.path() / "text").string() + "' > '" +
                             (worker.folder.path() / "file.gz").string() + "'")
                                    .c_str()) == 0);
        CHECK(worker.balancer.get("/file/gzip") == "unpacked");
    }
}

TEST_CASE("file_wrapper: a closed file is the application's error", "[worker]") {
    ReadyWorker worker;
    worker.folder.write("file", "content");
    CHECK(worker.balancer.ask({.path = "/file/closed"}).kinds == std::vector{ResponseKind::Failed});
    worker.process.wait_for_log("ValueError");
}

TEST_CASE("response: thousands of requests leave no object, reference or block of memory behind", "[worker]") {
    ReadyWorker worker({.environment = {{"PYTHONDEVMODE", "0"}}});
    worker.folder.write("file", "content");
    const auto round = [&] {
        for (const char* path : {"/", "/sequence", "/late-start", "/writes", "/replaces", "/noting", "/noting-raises",
                                 "/raises", "/keep-objects", "/use-kept-objects", "/file/plain", "/file/memory",
                                 "/read-wrongly", "/mistake/header-shape", "/body-mistake/text", "/empty"}) {
            (void)worker.balancer.ask({.path = path, .headers = {{"host", "x"}, {"x-other", "y"}, {"x-other", "z"}}});
        }
        (void)worker.balancer.ask({.method = "POST",
                                   .path = "/read-styles",
                                   .body = "first line\nsecond\nabcdone\ntwo\nthree\nfour\nfive"});
    };
    const auto grown = [&] {
        (void)worker.balancer.get("/closed");
        return worker.balancer.get("/count-objects");
    };
    for (int warm_up = 0; warm_up < 20; ++warm_up) {
        round();
    }
    CHECK(grown() == "stable");  // the baseline
    for (int number = 0; number < 500; ++number) {
        round();
    }
    CHECK(grown() == "stable");
}
