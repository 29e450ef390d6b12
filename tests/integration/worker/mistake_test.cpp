// What becomes of an application's mistakes: an error it can understand, a 500, and a worker that lives on.
#include "python_process.h"

using fettle::ipc::ResponseKind;
using fettle::test::Answer;
using fettle::test::ReadyWorker;

namespace {

struct Mistake {
    const char* name;
    const char* raised;  // the beginning of what start_response raises
};

}  // namespace

TEST_CASE("start_response: wrong arguments are errors at the call, as wsgiref has them", "[worker]") {
    ReadyWorker worker;
    for (const Mistake& mistake : {
                 Mistake{"status-type", "TypeError: status and headers must be of type str: b'200 OK'"},
                 Mistake{"status-form", "AssertionError: a status is a three-digit code"},
                 Mistake{"status-code", "AssertionError: '100 Continue' is not the status of a final response"},
                 Mistake{"status-range", "AssertionError: '600 Odd' is not the status of a final response"},
                 Mistake{"headers-type", "TypeError: headers must be a list of tuples (name, value), not tuple"},
                 Mistake{"header-shape", "TypeError: a header is a tuple (name, value), not 'X: y'"},
                 Mistake{"header-name", "ValueError: invalid header name in ('X Y', 'y')"},
                 Mistake{"header-name-type", "TypeError: status and headers must be of type str: (b'X', 'y')"},
                 Mistake{"header-value",
                         R"(ValueError: the value of a header has a control character: ('X', 'a\r\nSet-Cookie: b'))"},
                 Mistake{"header-value-type", "TypeError: status and headers must be of type str: ('X', 1)"},
                 Mistake{"hop-by-hop",
                         "ValueError: a hop-by-hop header is the server's to send (PEP 3333): ('Connection',"},
                 Mistake{"header-latin-1", "ValueError: status and headers are Latin-1 (PEP 3333), this is not:"},
                 Mistake{"two-lengths",
                         "ValueError: there is more than one Content-Length header: ('content-length', '2')"},
                 Mistake{"length", "ValueError: Content-Length is not a number: ('Content-Length', 'many')"},
                 Mistake{"no-arguments", "TypeError: the arguments are start_response("},
                 Mistake{"keyword", "TypeError: the arguments are start_response("},
                 Mistake{"exc-info", "TypeError: exc_info must be a tuple"},
                 Mistake{"twice", "AssertionError: start_response() was called twice"},
                 Mistake{"twice-after-error", "AssertionError: start_response() was called twice"},
         }) {
        const std::string said = worker.balancer.get(std::string("/mistake/") + mistake.name);
        INFO(said);
        CHECK(said.rfind(mistake.raised, 0) == 0);
    }
    CHECK(worker.process.log().empty());
}

TEST_CASE("body: what is no body fails the request and says why in the log", "[worker]") {
    ReadyWorker worker;
    for (const Mistake& mistake : {
                 Mistake{"text", "TypeError: the body of a response is made of bytes objects, not str"},
                 Mistake{"bytes", "TypeError: the application returned bytes; return a list of bytes objects, [body]"},
                 Mistake{"none", "TypeError: the application returned None, which is not an iterable"},
                 Mistake{"iterated-text", "TypeError: the body of a response is made of bytes objects, not str"},
                 Mistake{"not-started",
                         "AssertionError: the application gave a body before it called start_response()"},
                 Mistake{"short", "AssertionError: the body has 4 bytes, fewer than its Content-Length says"},
         }) {
        const Answer answer = worker.balancer.ask({.path = std::string("/body-mistake/") + mistake.name});
        INFO(mistake.name);
        CHECK(answer.kinds == std::vector{ResponseKind::Failed});
        worker.process.wait_for_log(mistake.raised);
    }
    CHECK(worker.balancer.get("/") == "Hello, world!");
}

TEST_CASE("body: one that turns out too short cuts the client off", "[worker]") {
    ReadyWorker worker;
    const Answer answer = worker.balancer.ask({.path = "/body-mistake/iterated-short"});
    CHECK(answer.kinds == std::vector{ResponseKind::Head, ResponseKind::Failed});
    worker.process.wait_for_log("AssertionError: the body has 4 bytes, fewer than its Content-Length says");
}

TEST_CASE("exceptions: a traceback with what is known of the request, 500, and the worker lives", "[worker]") {
    ReadyWorker worker;
    const std::string before = worker.balancer.get("/process");

    const Answer answer = worker.balancer.ask({.path = "/raises/a%0Ab", .query = "q=1", .request_id = "request-7"});

    CHECK(answer.kinds == std::vector{ResponseKind::Failed});
    worker.process.wait_for_log("RuntimeError: the application's own words\n");
    const std::string log = worker.process.log();
    INFO(log);
    CHECK(log.find("] worker error: application error seat=3 request_id=request-7 method=GET uri=/raises/a%0Ab?q=1: "
                   "RuntimeError: the "
                   "application's own words\nTraceback (most recent call last):\n") != std::string::npos);
    CHECK(log.find("in raises") != std::string::npos);
    CHECK(log.find("boot.py") == std::string::npos);
    CHECK(worker.balancer.get("/process") == before);
}

TEST_CASE("exceptions: in the middle of a body they cut the client off", "[worker]") {
    ReadyWorker worker;
    const Answer answer = worker.balancer.ask({.path = "/noting-raises"});
    CHECK(answer.kinds == std::vector{ResponseKind::Head, ResponseKind::Failed});
    CHECK(answer.body == "a");
    worker.process.wait_for_log("RuntimeError: in the middle");
}

TEST_CASE("exceptions: exc_info is raised if the headers are out", "[worker]") {
    ReadyWorker worker;
    const Answer answer = worker.balancer.ask({.path = "/replaces-too-late"});
    CHECK(answer.kinds == std::vector{ResponseKind::Head, ResponseKind::Failed});
    CHECK(answer.body == "sent");
    worker.process.wait_for_log("LookupError: the headers are out");
    CHECK(worker.process.log().find("in replaces_too_late") != std::string::npos);
}

TEST_CASE("exceptions: sys.exit() gives 500 and a worker that asks to be replaced", "[worker]") {
    ReadyWorker worker;
    CHECK(worker.balancer.ask({.path = "/exits"}).kinds == std::vector{ResponseKind::Failed});

    CHECK(worker.process.expect<fettle::ipc::Leaving>().signal == 0);
    worker.process.wait_for_log("SystemExit: 3");
    CHECK(worker.balancer.get("/") == "Hello, world!");  // until it is drained
    CHECK(worker.stop() == 0);
}

TEST_CASE("forks: a child that returns from the application ends, and only the parent answers", "[worker]") {
    ReadyWorker worker;
    const auto key = worker.balancer.push({.method = "POST", .path = "/forks", .body = "body"});
    const Answer answer = worker.balancer.finish(key);

    CHECK(answer.body == "parent 1");
    worker.process.wait_for_log("the child may not read");
    worker.process.wait_for_log("forked by the application");
    CHECK(worker.balancer.get("/") == "Hello, world!");
}

TEST_CASE("forks: a child that calls sys.exit() ends with its code, and the worker stays", "[worker]") {
    ReadyWorker worker;
    CHECK(worker.balancer.get("/fork-exits") == "parent 7");
    CHECK(worker.process.quiet());
    CHECK(worker.process.log().find("worker error") == std::string::npos);
}

TEST_CASE("forks: SIGTERM ends the application's children as it would elsewhere", "[worker]") {
    ReadyWorker worker;
    CHECK(worker.balancer.get("/child-dies-of-term") == "-15");
    CHECK(worker.process.quiet());
}
