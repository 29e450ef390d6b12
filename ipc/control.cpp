#include "ipc/control.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fettle::ipc {

namespace {

constexpr std::size_t kMaxMessageBytes = 32 * 1024;
constexpr std::size_t kMaxFds = 253;  // SCM_MAX_FD of the kernel

static_assert(sizeof(LoadFailed) < kMaxMessageBytes && sizeof(ZygoteReady) < kMaxMessageBytes);
static_assert(2 + kMaxLanes + kMaxThreads <= kMaxFds);

Result<void> set_option(int fd, int option) {
    const int on = 1;
    if (::setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on)) != 0) {
        return errno_error("cannot set up a control socket");
    }
    return {};
}

// Takes descriptors and credentials out of the ancillary data; every received descriptor is owned at once.
void read_ancillary(msghdr& header, Envelope& envelope) {
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (item->cmsg_type == SCM_RIGHTS) {
            const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t index = 0; index < count; ++index) {
                int fd = -1;
                std::memcpy(&fd, CMSG_DATA(item) + index * sizeof(int), sizeof(int));
                envelope.fds.emplace_back(fd);
            }
        } else if (item->cmsg_type == SCM_CREDENTIALS) {
            ucred credentials{};
            std::memcpy(&credentials, CMSG_DATA(item), sizeof(credentials));
            envelope.sender_pid = credentials.pid;
        }
    }
}

}  // namespace

void ControlText::set(std::string_view text) {
    if (text.size() > bytes.size()) {
        text.remove_prefix(text.size() - bytes.size());
    }
    std::copy(text.begin(), text.end(), bytes.begin());
    length = static_cast<std::uint32_t>(text.size());
}

std::string_view ControlText::view() const {
    return {bytes.data(), std::min<std::size_t>(length, bytes.size())};
}

Result<ControlSocket::Pair> ControlSocket::make_pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        return errno_error("cannot create a control socket");
    }
    Pair pair{ControlSocket(Fd(fds[0])), ControlSocket(Fd(fds[1]))};
    FETTLE_CHECK_OK(set_option(pair.first.fd(), SO_PASSCRED));
    if (::fcntl(pair.first.fd(), F_SETFL, O_NONBLOCK) != 0) {
        return errno_error("cannot make a control socket non-blocking");
    }
    return pair;
}

Result<void> ControlSocket::send_bytes(std::span<const std::byte> bytes, std::span<const int> fds) const {
    if (fds.size() > kMaxFds) {
        return Error{"a control message carries at most " + std::to_string(kMaxFds) + " descriptors"};
    }
    iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    alignas(cmsghdr) char ancillary[CMSG_SPACE(kMaxFds * sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = ancillary;
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        std::memset(ancillary, 0, header.msg_controllen);
        cmsghdr* item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(item), fds.data(), fds.size_bytes());
    }
    while (::sendmsg(fd_.get(), &header, MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) {
            return errno_error("cannot send a control message");
        }
    }
    return {};
}

ControlSocket::Status ControlSocket::receive(Envelope& envelope) const {
    envelope = Envelope{};
    envelope.bytes.resize(kMaxMessageBytes);
    iovec part{.iov_base = envelope.bytes.data(), .iov_len = envelope.bytes.size()};
    alignas(cmsghdr) char ancillary[CMSG_SPACE(kMaxFds * sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = ancillary;
    header.msg_controllen = sizeof(ancillary);
    const ssize_t got = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? Status::Empty : Status::Closed;
    }
    read_ancillary(header, envelope);
    MessageHeader start;
    if (static_cast<std::size_t>(got) < sizeof(start) || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        return Status::Closed;
    }
    envelope.bytes.resize(static_cast<std::size_t>(got));
    std::memcpy(&start, envelope.bytes.data(), sizeof(start));
    if (start.magic != kControlMagic || start.version != kControlVersion) {
        return Status::Closed;
    }
    envelope.type = start.type;
    return Status::Message;
}

}  // namespace fettle::ipc
