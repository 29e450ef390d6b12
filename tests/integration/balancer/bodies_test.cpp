#include "tests/integration/balancer/harness.h"
#include "tests/support/random.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/resource.h>

#include <future>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

namespace {

std::string noise(std::size_t bytes) {
    Random random(4711);
    std::string text(bytes, '\0');
    for (char& character : text) {
        character = static_cast<char>(random());
    }
    return text;
}

std::string post(std::string_view body, std::string_view more_headers = "") {
    return "POST /up HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string(more_headers) + "\r\n" + std::string(body);
}

std::string chunked(std::string_view body, std::size_t chunk) {
    std::string wire = "POST /up HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t start = 0; start < body.size(); start += chunk) {
        const std::string_view piece = body.substr(start, chunk);
        char size[20];
        (void)std::snprintf(size, sizeof(size), "%zx\r\n", piece.size());
        wire.append(size).append(piece).append("\r\n");
    }
    return wire + "0\r\n\r\n";
}

config::Config streaming() {
    config::Config config;
    config.http.stream_body = true;
    return config;
}

// A worker that sends back what it got.
void mirror(ManualWorker& worker, const ManualWorker::Request& request) {
    const auto body = worker.read_body(request);
    if (!body) {
        worker.publish(request, ipc::ResponseKind::Failed, true);
        return;
    }
    worker.head(request, 200, {{"Content-Length", std::to_string(body->size())}}, "", body->empty());
    if (!body->empty()) {
        (void)worker.stream(request, *body);
    }
}

}  // namespace

TEST_CASE("bodies: a request body of any size arrives whole, and so does its answer", "[balancer]") {
    const bool stream = GENERATE(false, true);
    const std::size_t bytes = GENERATE(as<std::size_t>{}, 0, 1, 65'536, 65'537, 300'000, 5'000'000);
    CAPTURE(stream, bytes);
    Balancer sut(stream ? streaming() : config::Config{});
    const auto worker = sut.run_worker(mirror);
    const std::string body = noise(bytes);
    Client client = sut.connect();

    std::thread uploader([&] { client.send(post(body)); });
    const Response sized = client.receive();
    uploader.join();
    CHECK(sized.status == 200);
    CHECK((sized.body == body));

    std::thread again([&] { client.send(chunked(body, 10'000)); });
    const Response pieces = client.receive();
    again.join();
    CHECK(pieces.status == 200);
    CHECK((pieces.body == body));
}

TEST_CASE("bodies: a small body waits for its last byte before a worker sees the request", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcd");
    CHECK_FALSE(worker->has_request(50ms));
    client.send("e");

    const auto request = worker->take();
    CHECK(request.body == "abcde");
    CHECK(request.body_length == 5);
    CHECK(request.whole);
    worker->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("bodies: a chunked body that was buffered has a length", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(chunked("hello world", 4));

    const auto request = worker->take();
    CHECK(request.body == "hello world");
    CHECK(request.body_length == 11);
    worker->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("bodies: with stream_body the application sees a large body while it comes in", "[balancer]") {
    Balancer sut(streaming());
    const auto worker = sut.add_worker();
    const std::string body = noise(200'000);
    Client client = sut.connect();
    const std::string wire = post(body);

    client.send(std::string_view(wire).substr(0, wire.size() - 1000));
    const auto request = worker->take();
    CHECK(request.body_length == body.size());
    CHECK_FALSE(request.whole);
    client.send(std::string_view(wire).substr(wire.size() - 1000));

    CHECK((worker->read_body(request) == body));
    worker->respond(request, "thanks");
    CHECK(client.receive().body == "thanks");
}

TEST_CASE("bodies: an application that does not read holds back the client, not our memory", "[balancer]") {
    Balancer sut(streaming());
    const auto worker = sut.add_worker();
    const std::string body = noise(30'000'000);
    Client client = sut.connect();
    const std::string wire = post(body);

    const std::size_t taken = client.send_until_stuck(wire, 300ms);
    REQUIRE(taken < wire.size());
    const auto request = worker->take();
    std::thread uploader([&] { client.send(std::string_view(wire).substr(taken)); });
    const auto got = worker->read_body(request);
    uploader.join();

    CHECK((got == body));
    worker->respond(request, "thanks");
    CHECK(client.receive().body == "thanks");
}

TEST_CASE("bodies: one burst of a body, the next request and the end of input loses nothing", "[balancer]") {
    const bool streamed = GENERATE(false, true);
    config::Config config = streamed ? streaming() : config::Config{};
    config.http.half_close = config::HalfClose::Answer;
    Balancer sut(config, GENERATE(1U, 2U));
    const bool by_path = GENERATE(false, true);
    const std::string body = noise(3'000'000);
    const auto worker = sut.run_worker([](ManualWorker& self, const ManualWorker::Request& request) {
        self.respond(request, std::to_string(request.whole ? request.body.size() : self.read_body(request)->size()));
    });
    Client client = by_path ? sut.connect_by_path() : sut.connect();

    client.send(post(body) + get("/next") + post(body));
    client.finish_sending();

    CHECK(client.receive().body == std::to_string(body.size()));
    CHECK(client.receive().body == "0");
    CHECK(client.receive().body == std::to_string(body.size()));
    CHECK(client.ended());
}

TEST_CASE("bodies: the time an application takes to read is not counted as the client's", "[balancer]") {
    config::Config config = streaming();
    config.timeouts.body = config::Seconds(0.2);
    Balancer sut(config);
    const auto worker = sut.add_worker();
    const std::string body = noise(30'000'000);
    Client client = sut.connect();
    const std::string wire = post(body);
    const std::size_t taken = client.send_until_stuck(wire, 600ms);
    REQUIRE(taken < wire.size());

    const auto request = worker->take();
    std::thread uploader([&] { client.send(std::string_view(wire).substr(taken)); });
    const auto got = worker->read_body(request);
    uploader.join();

    CHECK((got == body));
    worker->respond(request, "thanks");
    CHECK(client.receive().body == "thanks");
}

TEST_CASE("bodies: an answer before the end of the body is delivered, and the connection then ends", "[balancer]") {
    Balancer sut(streaming());
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10000000\r\n\r\n" + std::string(100'000, 'x'));
    worker->head(worker->take(), 403, {{"Content-Length", "2"}}, "no", true);
    const Response response = client.receive();

    CHECK(response.status == 403);
    CHECK(response.body == "no");
    CHECK(response.headers.at("connection") == "close");
    CHECK(client.ended());
}

TEST_CASE("bodies: a body over the limit is refused without waiting for it, and the refusal arrives", "[balancer]") {
    config::Config config;
    config.http.max_body_bytes = 100'000;
    Balancer sut(config, GENERATE(1U, 2U));
    Client client = sut.connect();

    SECTION("announced") {
        client.send(post(std::string(5'000'000, 'x')));
    }
    SECTION("found out") {
        client.send(chunked(std::string(1'000'000, 'x'), 5000));
    }

    CHECK(client.receive().status == 413);
}

TEST_CASE("bodies: a spool directory that cannot be written is a 507 with its name in the log", "[balancer]") {
    config::Config config;
    config.http.spool_dir = "/nonexistent/spool";
    Balancer sut(config, GENERATE(1U, 2U));
    Client client = sut.connect();

    client.send(post(std::string(100'000, 'x')));

    const Response response = client.receive();
    CHECK(response.status == 507);
    CHECK(response.body.find("The server could not store the request.") != std::string::npos);
    const std::string line = sut.log().line_with("cannot store a request body directory=");
    CHECK(line.find("/nonexistent/spool") != std::string::npos);
    CHECK(line.find("No such file or directory") != std::string::npos);
    CHECK_FALSE(sut.log().line_with("set http.spool_dir").empty());  // said at the start already
}

TEST_CASE("bodies: a disk that fills up while a body is spooled is a 507 with the reason in the log", "[balancer]") {
    struct FileSizeLimit {  // the one way to make writes fail that needs no privileges

        FileSizeLimit() {
            ::signal(SIGXFSZ, SIG_IGN);
            (void)::getrlimit(RLIMIT_FSIZE, &before);
            const rlimit small{.rlim_cur = 200'000, .rlim_max = before.rlim_max};
            (void)::setrlimit(RLIMIT_FSIZE, &small);
        }

        ~FileSizeLimit() {
            (void)::setrlimit(RLIMIT_FSIZE, &before);
            ::signal(SIGXFSZ, SIG_DFL);
        }

        rlimit before{};
    } limit;

    Balancer sut({}, GENERATE(1U, 2U));
    Client client = sut.connect();

    std::thread uploader([&] { client.send(post(noise(3'000'000))); });
    const Response response = client.receive();
    uploader.join();

    CHECK(response.status == 507);
    const std::string line = sut.log().line_with("cannot store a request body directory=");
    CHECK(line.find("cannot write a request body to disk: File too large") != std::string::npos);
}

TEST_CASE("bodies: a client that stops in the middle of a body gets 408", "[balancer]") {
    config::Config config;
    config.timeouts.body = config::Seconds(0.2);
    config.http.stream_body = GENERATE(false, true);
    Balancer sut(config, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nhalf");

    CHECK(client.receive().status == 408);
    CHECK(client.ended());
    if (config.http.stream_body) {
        const auto request = worker->next();
        CHECK_FALSE(worker->claim(request));
    }
}

TEST_CASE("bodies: a streaming application hears that its client left before the end of the body", "[balancer]") {
    Balancer sut(streaming());
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nhalf");
    const auto request = worker->take();
    client.close();

    CHECK_FALSE(worker->read_body(request).has_value());
    CHECK(wait_until([&] { return worker->channel().cancelled(request.key); }));
    worker->publish(request, ipc::ResponseKind::Failed, true);
    Client next = sut.connect();
    next.send(get("/next"));
    worker->respond(worker->take(), "fine");
    CHECK(next.receive().body == "fine");
}

TEST_CASE("bodies: a large response goes out at the client's pace and holds the worker, and nobody else",
          "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto slow_worker = sut.add_worker();
    const std::string body = noise(20'000'000);
    Client slow(sut.port(), 4096);
    slow.send(get("/slow"));
    const auto request = slow_worker->take();
    const bool sized = GENERATE(true, false);
    slow_worker->head(
            request, 200,
            sized ? std::vector<std::pair<std::string, std::string>>{{"Content-Length", std::to_string(body.size())}}
                  : std::vector<std::pair<std::string, std::string>>{},
            "", false);

    // The worker comes to a stop, a little over its window beyond what the sockets hold.
    const auto started = std::chrono::steady_clock::now();
    std::size_t published =
            slow_worker->stream(request, body, [&] { return std::chrono::steady_clock::now() - started > 1s; });
    REQUIRE(published < body.size());
    CHECK(published >= ipc::kSizedWindow);
    CHECK(slow_worker->channel().credit(request.key) - published < 100'000);

    // Others are served meanwhile.
    const auto other_worker = sut.add_worker();
    Client other = sut.connect();
    other.send(get("/other"));
    other_worker->respond(other_worker->take(), "quick");
    CHECK(other.receive().body == "quick");

    std::thread rest([&] { (void)slow_worker->stream(request, std::string_view(body).substr(published)); });
    const Response response = slow.receive();
    rest.join();
    CHECK(response.status == 200);
    CHECK((response.body == body));
}
