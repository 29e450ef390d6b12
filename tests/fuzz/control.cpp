// Control messages: the input is a series of datagrams with descriptors, as a hostile peer would send them. Oracles: a
// message is delivered as it was sent or not at all; it is read as at most one type, with the sender's pid and exactly
// its descriptors; texts stay inside their message; no descriptor is left open.
#include "ipc/control.h"

#include "base/assert.h"
#include "base/fd.h"
#include <fuzzer/FuzzedDataProvider.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace fettle;

constexpr std::size_t kMostBytes = 40 * 1024;  // above what a receiver takes
constexpr std::size_t kMostFds = 253;          // of the kernel

struct Datagram {
    std::string bytes;
    std::size_t fds = 0;
};

// A header that is right but for chosen fields, and random bytes up to about the size of some message.
Datagram next_datagram(FuzzedDataProvider& input) {
    constexpr std::size_t kSizes[] = {sizeof(ipc::MessageHeader),
                                      sizeof(ipc::Hello),
                                      sizeof(ipc::Attached),
                                      sizeof(ipc::Attach),
                                      sizeof(ipc::ServeWorker),
                                      sizeof(ipc::PrepareWorker),
                                      sizeof(ipc::WorkerPrepared),
                                      sizeof(ipc::LoadFailed),
                                      sizeof(ipc::ZygoteReady),
                                      sizeof(ipc::ForkFailed),
                                      0,
                                      kMostBytes};
    ipc::MessageHeader header{
            .type = static_cast<ipc::MessageType>(input.ConsumeIntegralInRange<std::uint16_t>(0, 40))};
    const auto wrong = input.ConsumeIntegral<std::uint8_t>();
    if ((wrong & 1) != 0) {
        header.magic = input.ConsumeIntegral<std::uint16_t>();
    }
    if ((wrong & 2) != 0) {
        header.version = input.ConsumeIntegral<std::uint16_t>();
    }
    Datagram datagram;
    std::size_t size = input.PickValueInArray(kSizes);
    if ((wrong & 4) != 0) {
        size = input.ConsumeIntegralInRange<std::size_t>(0, kMostBytes);
    }
    datagram.bytes.assign(reinterpret_cast<const char*>(&header), sizeof(header));
    datagram.bytes += input.ConsumeRandomLengthString(64);
    datagram.bytes.resize(size, static_cast<char>(wrong));
    datagram.fds = (wrong & 8) != 0 ? input.ConsumeIntegralInRange<std::size_t>(0, kMostFds) : 0;
    return datagram;
}

bool send(int socket, const Datagram& datagram, int fd) {
    std::string copy = datagram.bytes;
    iovec part{.iov_base = copy.data(), .iov_len = copy.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    std::vector<char> ancillary(CMSG_SPACE(kMostFds * sizeof(int)), 0);
    if (datagram.fds > 0) {
        const std::vector<int> fds(datagram.fds, fd);
        message.msg_control = ancillary.data();
        message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        cmsghdr* item = CMSG_FIRSTHDR(&message);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(item), fds.data(), fds.size() * sizeof(int));
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

template <class Message>
std::size_t reads_as(const ipc::Envelope& envelope) {
    const auto message = envelope.as<Message>();
    if (!message) {
        return 0;
    }
    FETTLE_ASSERT(std::memcmp(&*message, envelope.bytes.data(), sizeof(Message)) == 0,
                  "a message was read differently");
    if constexpr (requires { message->text.view(); }) {
        const std::string_view text = message->text.view();
        FETTLE_ASSERT(text.size() <= ipc::kControlTextBytes && text.data() == message->text.bytes.data(),
                      "a text leaves its message");
    }
    return 1;
}

template <class... Messages>
std::size_t types_of(const ipc::Envelope& envelope) {
    return (reads_as<Messages>(envelope) + ...);
}

void check(const ipc::Envelope& envelope, const Datagram& sent) {
    FETTLE_ASSERT(envelope.bytes.size() == sent.bytes.size() &&
                          std::memcmp(envelope.bytes.data(), sent.bytes.data(), sent.bytes.size()) == 0,
                  "a message arrived otherwise than it was sent");
    FETTLE_ASSERT(envelope.fds.size() == sent.fds, "descriptors were lost or invented");
    for (const Fd& fd : envelope.fds) {
        FETTLE_ASSERT((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0, "a descriptor is not close-on-exec");
    }
    FETTLE_ASSERT(envelope.sender_pid == ::getpid(), "the kernel's word on the sender was lost");
    const std::size_t types =
            types_of<ipc::ForkWorker, ipc::ZygoteReady, ipc::LoadFailed, ipc::ForkFailed, ipc::Hello, ipc::Ready,
                     ipc::Attach, ipc::Attached, ipc::StopWorker, ipc::Leaving, ipc::BalancerReady, ipc::PrepareWorker,
                     ipc::WorkerPrepared, ipc::ServeWorker, ipc::DrainWorker, ipc::WorkerDrained, ipc::WorkerDead,
                     ipc::StartAccepting, ipc::StopAccepting, ipc::Quiesced, ipc::QuotaSpent, ipc::ProtocolViolation>(
                    envelope);
    FETTLE_ASSERT(types <= 1, "a message is read as two types");
}

// The lowest free descriptor: the same before and after, or one was left open.
int lowest_free(int some) {
    const Fd probe(::dup(some));
    return probe.get();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    FuzzedDataProvider input(data, size);
    const int free_before = lowest_free(null.get());
    {
        auto pair = ipc::ControlSocket::make_pair();
        FETTLE_ASSERT(pair.has_value(), "a socket pair can be made");
        for (int count = 0; count < 16 && input.remaining_bytes() > 0; ++count) {
            const Datagram datagram = next_datagram(input);
            if (!send(pair->second.fd(), datagram, null.get())) {
                continue;
            }
            ipc::Envelope envelope;
            const auto status = pair->first.receive(envelope);
            FETTLE_ASSERT(status != ipc::ControlSocket::Status::Empty, "a message was lost");
            if (status == ipc::ControlSocket::Status::Message) {
                check(envelope, datagram);
            }
        }
    }
    FETTLE_ASSERT(lowest_free(null.get()) == free_before, "a descriptor was left open");
    return 0;
}
