#include "worker/native/lane/inbox.h"

#include <algorithm>

namespace fettle::worker {

std::optional<ipc::RequestMessage> Inbox::next_request() {
    release();
    for (held_index_ = 0; held_index_ < stored_.size(); ++held_index_) {
        if (stored_[held_index_].message.kind == ipc::RequestKind::Request) {
            return hold(stored_[held_index_].message, Held::StoredEntry);
        }
    }
    while (const auto message = channel_->peek()) {
        if (message->kind == ipc::RequestKind::Request) {
            return hold(*message, Held::RingEntry);
        }
        channel_->pop();  // of a request that ended before its body did
    }
    return std::nullopt;
}

std::optional<ipc::RequestMessage> Inbox::next_piece(ipc::RequestKey key) {
    release();
    for (held_index_ = 0; held_index_ < stored_.size(); ++held_index_) {
        const ipc::RequestMessage& message = stored_[held_index_].message;
        if (message.key == key && message.kind != ipc::RequestKind::Request) {
            return hold(message, Held::StoredEntry);
        }
    }
    while (const auto message = channel_->peek()) {
        if (message->key == key) {
            return hold(*message, Held::RingEntry);
        }
        if (message->kind == ipc::RequestKind::Request || knows(message->key)) {
            store(*message);
        }
        channel_->pop();
    }
    return std::nullopt;
}

std::optional<ipc::RequestMessage> Inbox::hold(const ipc::RequestMessage& message, Held where) {
    held_ = where;
    return message;
}

void Inbox::release() {
    switch (held_) {
        case Held::Nothing:
            break;
        case Held::RingEntry:
            channel_->pop();
            break;
        case Held::StoredEntry:
            stored_.erase(stored_.begin() + static_cast<std::ptrdiff_t>(held_index_));
            break;
    }
    held_ = Held::Nothing;
}

void Inbox::forget(ipc::RequestKey key) {
    release();
    std::erase_if(stored_, [&](const Stored& stored) { return stored.message.key == key; });
}

bool Inbox::knows(ipc::RequestKey key) const {
    return std::any_of(stored_.begin(), stored_.end(), [&](const Stored& stored) { return stored.message.key == key; });
}

void Inbox::store(const ipc::RequestMessage& message) {
    Stored& stored = stored_.emplace_back(Stored{message, {message.payload.begin(), message.payload.end()}});
    stored.message.payload = stored.bytes;
}

}  // namespace fettle::worker
