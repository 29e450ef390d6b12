#include "ipc/control.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

using namespace fettle;
using namespace fettle::ipc;

namespace {

ControlSocket::Pair make_pair() {
    auto pair = ControlSocket::make_pair();
    REQUIRE(pair.has_value());
    return std::move(*pair);
}

}  // namespace

TEST_CASE("control: a message arrives with the pid of its sender", "[ipc]") {
    auto pair = make_pair();
    REQUIRE(pair.second.send(Hello{.worker = {.seat = 3, .incarnation = 9}}).has_value());

    Envelope envelope;
    REQUIRE(pair.first.receive(envelope) == ControlSocket::Status::Message);
    const auto hello = envelope.as<Hello>();
    REQUIRE(hello.has_value());
    CHECK(hello->worker == WorkerId{3, 9});
    CHECK(envelope.sender_pid == ::getpid());
    CHECK_FALSE(envelope.as<Ready>().has_value());
}

TEST_CASE("control: descriptors arrive open, close-on-exec and for the same file", "[ipc]") {
    auto pair = make_pair();
    Fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    REQUIRE(pair.first.send(ForkWorker{}, std::array{file.get(), file.get()}).has_value());

    Envelope envelope;
    REQUIRE(pair.second.receive(envelope) == ControlSocket::Status::Message);
    REQUIRE(envelope.fds.size() == 2);

    struct stat a {
    }, b{};

    REQUIRE(::fstat(file.get(), &a) == 0);
    REQUIRE(::fstat(envelope.fds[1].get(), &b) == 0);
    CHECK(a.st_rdev == b.st_rdev);
    CHECK((::fcntl(envelope.fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("control: an empty socket says Empty, a closed one Closed", "[ipc]") {
    auto pair = make_pair();
    Envelope envelope;
    CHECK(pair.first.receive(envelope) == ControlSocket::Status::Empty);
    pair.second = ControlSocket();
    CHECK(pair.first.receive(envelope) == ControlSocket::Status::Closed);
}

TEST_CASE("control: what is not a message of this version ends the conversation", "[ipc]") {
    auto pair = make_pair();
    Hello hello;
    SECTION("magic") {
        hello.header.magic = 1;
    }
    SECTION("version") {
        hello.header.version = kControlVersion + 1;
    }
    REQUIRE(pair.second.send(hello).has_value());

    Envelope envelope;
    CHECK(pair.first.receive(envelope) == ControlSocket::Status::Closed);
}

TEST_CASE("control: a message that is cut short is not taken for its type", "[ipc]") {
    auto pair = make_pair();
    const MessageHeader header{.type = MessageType::Hello};
    REQUIRE(::send(pair.second.fd(), &header, sizeof(header), 0) == sizeof(header));

    Envelope envelope;
    REQUIRE(pair.first.receive(envelope) == ControlSocket::Status::Message);
    CHECK_FALSE(envelope.as<Hello>().has_value());
}

TEST_CASE("control: a peer that does not read cannot block the supervisor", "[ipc]") {
    auto pair = make_pair();
    Result<void> sent;
    for (int count = 0; count < 100'000 && sent.has_value(); ++count) {
        sent = pair.first.send(StopWorker{});
    }
    REQUIRE_FALSE(sent.has_value());
    CHECK(sent.error().code.value() == EAGAIN);
}

TEST_CASE("control: text that is too long keeps its end", "[ipc]") {
    ControlText text;
    text.set(std::string(kControlTextBytes, 'a') + "the reason");

    CHECK(text.view().size() == kControlTextBytes);
    CHECK(text.view().substr(text.view().size() - 10) == "the reason");
}

TEST_CASE("control: a length beyond the text is not believed", "[ipc]") {
    ControlText text;
    text.length = 0xffffffff;
    CHECK(text.view().size() == kControlTextBytes);
}
