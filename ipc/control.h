// Control messages between fettle's processes: fixed, versioned structs over SOCK_SEQPACKET, with descriptors by
// SCM_RIGHTS and the sender's pid by SCM_CREDENTIALS. A message of a wrong size, version or type is refused. Python's
// own copies of the messages it sends itself, also without the extension, are in worker/fettle/wire.py; a test
// compares them.
//
//   supervisor -> zygote     ForkWorker +1 fd (the worker's control socket)
//   zygote -> supervisor     ZygoteReady, LoadFailed, ForkFailed
//   supervisor -> worker     Attach +channel fds, StopWorker
//   worker -> supervisor     Hello, LoadFailed, Ready, Attached, Leaving
//   supervisor -> balancer   PrepareWorker, ServeWorker, DrainWorker, WorkerDead, StartAccepting, StopAccepting
//   balancer -> supervisor   BalancerReady, WorkerPrepared +channel fds, WorkerDrained, QuotaSpent, ProtocolViolation,
//                            CannotServe, Quiesced
//
// The end of the control socket means the peer is gone: a zygote exits at once; a worker and the balancer finish what
// they have within graceful_timeout and exit.
#pragma once

#include "base/fd.h"
#include "ipc/balancer_channel.h"
#include "ipc/violation.h"

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace fettle::ipc {

inline constexpr std::uint16_t kControlMagic = 0xfe77;
inline constexpr std::uint16_t kControlVersion = 1;

enum class MessageType : std::uint16_t {
    ForkWorker = 1,
    ZygoteReady = 2,
    LoadFailed = 3,
    ForkFailed = 4,
    Hello = 5,
    Ready = 6,
    Attach = 7,
    Attached = 8,
    StopWorker = 9,
    Leaving = 10,
    BalancerReady = 20,
    PrepareWorker = 21,
    WorkerPrepared = 22,
    ServeWorker = 23,
    DrainWorker = 24,
    WorkerDrained = 25,
    WorkerDead = 26,
    StartAccepting = 27,
    StopAccepting = 28,
    Quiesced = 29,
    QuotaSpent = 30,
    ProtocolViolation = 31,
    CannotServe = 32,
};

struct MessageHeader {
    std::uint16_t magic = kControlMagic;
    std::uint16_t version = kControlVersion;
    MessageType type{};
    std::uint16_t reserved = 0;
};

inline constexpr std::size_t kControlTextBytes = 16 * 1024;  // tracebacks are cut to this, their end is kept

// Text for a person, UTF-8, cut to size.
struct ControlText {
    std::uint32_t length = 0;
    std::array<char, kControlTextBytes> bytes{};  // only `length` are meaningful
    void set(std::string_view text);              // keeps the end of a text that is too long
    [[nodiscard]] std::string_view view() const;
};

// A worker incarnation of a seat; most messages name one.
struct WorkerId {
    std::uint32_t seat = 0;
    std::uint32_t incarnation = 0;
    bool operator==(const WorkerId&) const = default;
};

struct ForkWorker {
    static constexpr MessageType kType = MessageType::ForkWorker;
    MessageHeader header{.type = kType};
    WorkerId worker;
};

struct ZygoteReady {
    static constexpr MessageType kType = MessageType::ZygoteReady;
    MessageHeader header{.type = kType};
    std::uint32_t tasks = 1;  // threads left after a trial fork; more than 1: preload is impossible, exec every worker
    std::uint32_t import_ms = 0;  // how long the import took
    ControlText text;  // the interpreter ("CPython 3.11.2"); with tasks > 1, a newline and the names of the threads
};

enum class LoadStage : std::uint32_t { Runtime = 1, Import = 2, Attribute = 3, Threads = 4 };

// The application (or the runtime) could not be loaded. Sent by the zygote, and by a worker that imports by itself.
struct LoadFailed {
    static constexpr MessageType kType = MessageType::LoadFailed;
    MessageHeader header{.type = kType};
    LoadStage stage{};
    ControlText text;  // what happened and the traceback
};

struct ForkFailed {
    static constexpr MessageType kType = MessageType::ForkFailed;
    MessageHeader header{.type = kType};
    WorkerId worker;
    std::int32_t error = 0;  // errno of fork(2)
};

// First message of a worker; its pid comes with SCM_CREDENTIALS.
struct Hello {
    static constexpr MessageType kType = MessageType::Hello;
    MessageHeader header{.type = kType};
    WorkerId worker;
};

// The application is loaded and the slots run (after the first Attached).
struct Ready {
    static constexpr MessageType kType = MessageType::Ready;
    MessageHeader header{.type = kType};
    WorkerId worker;
};

// Descriptors: request file, response file, bells of `lanes` lanes, bells of `threads` threads.
struct Attach {
    static constexpr MessageType kType = MessageType::Attach;
    MessageHeader header{.type = kType};
    WorkerId worker;
    std::uint32_t balancer_incarnation = 0;
    std::uint32_t threads = 0;
    std::uint32_t lanes = 0;
    std::uint32_t slots = 0;  // of the lanes, how many to run now
};

struct Attached {
    static constexpr MessageType kType = MessageType::Attached;
    MessageHeader header{.type = kType};
    WorkerId worker;
    std::uint32_t balancer_incarnation = 0;
};

// Finish the running requests, run exit handlers, exit 0.
struct StopWorker {
    static constexpr MessageType kType = MessageType::StopWorker;
    MessageHeader header{.type = kType};
    WorkerId worker;
};

// The worker asks to be drained and replaced (it received SIGTERM).
struct Leaving {
    static constexpr MessageType kType = MessageType::Leaving;
    MessageHeader header{.type = kType};
    WorkerId worker;
    std::uint32_t signal = 0;
};

struct BalancerReady {
    static constexpr MessageType kType = MessageType::BalancerReady;
    MessageHeader header{.type = kType};
    std::uint32_t balancer_incarnation = 0;
};

// Make a channel set for this worker.
struct PrepareWorker {
    static constexpr MessageType kType = MessageType::PrepareWorker;
    MessageHeader header{.type = kType};
    WorkerId worker;
    std::uint32_t slots = 1;
    std::uint32_t spares = 1;
    std::uint64_t quota = 0;  // send QuotaSpent once this many requests were dispatched to it; 0: never
};

// Descriptors as in Attach.
struct WorkerPrepared {
    static constexpr MessageType kType = MessageType::WorkerPrepared;
    MessageHeader header{.type = kType};
    WorkerId worker;
    std::uint32_t balancer_incarnation = 0;
    std::uint32_t threads = 0;
    std::uint32_t lanes = 0;
};

template <MessageType Type>
struct WorkerMessage {
    static constexpr MessageType kType = Type;
    MessageHeader header{.type = kType};
    WorkerId worker;
};

// The worker is attached: hand it requests.
struct ServeWorker {
    static constexpr MessageType kType = MessageType::ServeWorker;
    MessageHeader header{.type = kType};
    WorkerId worker;
    std::int32_t pid = 0;  // for the access log
};

using DrainWorker = WorkerMessage<MessageType::DrainWorker>;  // no new requests; recall the queued ones; answer
                                                              // WorkerDrained when idle
using WorkerDrained = WorkerMessage<MessageType::WorkerDrained>;
using WorkerDead = WorkerMessage<MessageType::WorkerDead>;  // proof of death: harvest, re-dispatch, discard
using QuotaSpent = WorkerMessage<MessageType::QuotaSpent>;
using CannotServe = WorkerMessage<MessageType::CannotServe>;  // no fault of the worker, which is to be replaced

// The worker broke the protocol of its channels: count that, and kill it.
struct ProtocolViolation {
    static constexpr MessageType kType = MessageType::ProtocolViolation;
    MessageHeader header{.type = kType};
    WorkerId worker;
    Violation violation{};
};

template <MessageType Type>
struct PlainMessage {
    static constexpr MessageType kType = Type;
    MessageHeader header{.type = kType};
};

using StartAccepting = PlainMessage<MessageType::StartAccepting>;
using StopAccepting = PlainMessage<MessageType::StopAccepting>;  // accept what waits in the backlog, finish all
                                                                 // requests, close idle connections, answer Quiesced
using Quiesced = PlainMessage<MessageType::Quiesced>;

// ---- the socket

// A message as received. `sender_pid` is the kernel's word (0 if the socket does not pass credentials).
struct Envelope {
    MessageType type{};
    std::vector<std::byte> bytes;
    std::vector<Fd> fds;
    pid_t sender_pid = 0;

    // The message as `Message`; nullopt if it is not one (type or size).
    template <class Message>
    [[nodiscard]] std::optional<Message> as() const {
        static_assert(std::is_trivially_copyable_v<Message>);
        return type == Message::kType && bytes.size() == sizeof(Message) ? std::optional<Message>(copy<Message>())
                                                                         : std::nullopt;
    }

  private:
    template <class Message>
    [[nodiscard]] Message copy() const {
        Message message;
        __builtin_memcpy(static_cast<void*>(&message), bytes.data(), sizeof(Message));
        return message;
    }
};

// One end of a control socket. Non-blocking on the supervisor's and balancer's side; the zygote and the service thread
// block in poll(2).
class ControlSocket {
  public:
    ControlSocket() = default;

    explicit ControlSocket(Fd fd) : fd_(std::move(fd)) {}

    // A connected pair, close-on-exec; `first` passes its peer's credentials and does not block, `second` blocks.
    struct Pair;
    static Result<Pair> make_pair();

    [[nodiscard]] int fd() const { return fd_.get(); }

    [[nodiscard]] bool valid() const { return fd_.valid(); }

    [[nodiscard]] Fd release() { return std::move(fd_); }

    // Sends one message with copies of `fds`. An Error with EAGAIN means the peer does not read: treat the peer as
    // broken.
    template <class Message>
    [[nodiscard]] Result<void> send(const Message& message, std::span<const int> fds = {}) const {
        static_assert(std::is_trivially_copyable_v<Message>);
        return send_bytes(std::as_bytes(std::span(&message, 1)), fds);
    }

    enum class Status { Message, Empty, Closed };
    // Receives one message. Closed: end of the socket, or a message that breaks the format (the peer cannot be trusted
    // any more). On a blocking socket Empty is returned for EINTR only.
    [[nodiscard]] Status receive(Envelope& envelope) const;

  private:
    [[nodiscard]] Result<void> send_bytes(std::span<const std::byte> bytes, std::span<const int> fds) const;
    Fd fd_;
};

struct ControlSocket::Pair {
    ControlSocket first;
    ControlSocket second;
};

}  // namespace fettle::ipc
