#include "balancer/proxy/request_body_spool.h"

#include "base/assert.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <utility>

namespace fettle::balancer {

namespace {

constexpr std::size_t kWriteBytes = 64 * 1024;
constexpr std::size_t kReadBytes = 128 * 1024;

// An unnamed file in `directory`. Not every file system has O_TMPFILE (open(2)): the fallback unlinks the file at once.
Result<Fd> open_unlinked(const std::string& directory) {
    Fd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file.valid()) {
        return file;
    }
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
        return errno_error("cannot create a file for a request body in '" + directory + "'");
    }
    std::string path = directory + "/fettle-body-XXXXXX";
    file.reset(::mkostemp(path.data(), O_CLOEXEC));
    if (!file.valid()) {
        return errno_error("cannot create a file for a request body in '" + directory + "'");
    }
    (void)::unlink(path.c_str());  // if it fails the name stays behind, the file works all the same
    return file;
}

}  // namespace

struct RequestBodySpool::State : std::enable_shared_from_this<RequestBodySpool::State> {
    State(loop::Loop& owner, Fd file, std::function<void()> callback)
        : loop(owner), fd(std::move(file)), on_progress(std::move(callback)) {}

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // The last reference goes on the loop's thread, with no operation under way.
    ~State() { loop::close_file_async(loop, std::move(fd)); }

    void write_more();
    void written(std::int64_t result);
    void read_more();
    void got(std::int64_t result, std::uint64_t asked_at);
    void fail(const char* what, std::int64_t result);
    void tell() const;

    loop::Loop& loop;
    Fd fd;
    std::function<void()> on_progress;  // empty once the spool is gone
    std::optional<Error> error;
    bool busy = false;  // an operation is under way

    std::string waiting;  // appended, not yet given to the disk
    std::string writing;  // given to the disk
    std::size_t writing_done = 0;
    std::uint64_t written_bytes = 0;  // in the file

    std::string block;  // read from the file, ahead of the reader
    std::size_t block_used = 0;
    std::uint64_t read_offset = 0;  // in the file, behind `block`
    std::uint64_t rewinds = 0;      // a read asked for before the last one of these is thrown away
};

void RequestBodySpool::State::tell() const {
    if (on_progress) {
        // A copy: the callback may destroy the spool and with it the function.
        const std::function<void()> callback = on_progress;
        callback();
    }
}

void RequestBodySpool::State::fail(const char* what, std::int64_t result) {
    error = errno_error(what, static_cast<int>(-result));
    waiting.clear();
}

void RequestBodySpool::State::write_more() {
    if (busy || error) {
        return;
    }
    if (writing_done == writing.size()) {
        writing.clear();
        writing_done = 0;
        std::swap(writing, waiting);
    }
    if (writing.empty()) {
        return;
    }
    busy = true;
    loop::write_file_async(loop, fd.get(), writing.data() + writing_done, writing.size() - writing_done,
                           static_cast<std::int64_t>(written_bytes),
                           [self = shared_from_this()](std::int64_t result) { self->written(result); });
}

void RequestBodySpool::State::written(std::int64_t result) {
    busy = false;
    if (result <= 0) {
        fail("cannot write a request body to disk", result == 0 ? -EIO : result);
    } else {
        written_bytes += static_cast<std::uint64_t>(result);
        writing_done += static_cast<std::size_t>(result);
        write_more();
    }
    tell();
}

void RequestBodySpool::State::read_more() {
    if (busy || error || read_offset == written_bytes) {
        return;
    }
    block.resize(kReadBytes);
    block_used = block.size();  // nothing to see until the read is done
    busy = true;
    loop::read_file_async(
            loop, fd.get(), block.data(), block.size(), static_cast<std::int64_t>(read_offset),
            [self = shared_from_this(), asked_at = rewinds](std::int64_t result) { self->got(result, asked_at); });
}

void RequestBodySpool::State::got(std::int64_t result, std::uint64_t asked_at) {
    busy = false;
    if (result <= 0) {  // 0: the file is shorter than what we wrote
        fail("cannot read a request body back from disk", result == 0 ? -EIO : result);
        block.clear();
        block_used = 0;
    } else if (asked_at == rewinds) {
        block.resize(static_cast<std::size_t>(result));
        block_used = 0;
        read_offset += static_cast<std::uint64_t>(result);
    } else {
        read_more();
    }
    tell();
}

Result<RequestBodySpool> RequestBodySpool::create(loop::Loop& loop, const std::string& directory,
                                                  std::function<void()> on_progress) {
    FETTLE_TRY(file, open_unlinked(directory));
    return RequestBodySpool(std::make_shared<State>(loop, std::move(file), std::move(on_progress)));
}

RequestBodySpool::~RequestBodySpool() {
    if (state_) {
        state_->on_progress = nullptr;
    }
}

void RequestBodySpool::append(std::string_view bytes) {
    if (state_->error) {
        return;
    }
    state_->waiting.append(bytes);
    if (state_->waiting.size() >= kWriteBytes) {
        state_->write_more();
    }
}

bool RequestBodySpool::congested() const {
    return state_->busy && state_->waiting.size() >= kWriteBytes;
}

void RequestBodySpool::finish() {
    state_->write_more();
}

bool RequestBodySpool::flushed() const {
    return !state_->busy && state_->waiting.empty() && !state_->error;
}

const std::optional<Error>& RequestBodySpool::failure() const {
    return state_->error;
}

std::string_view RequestBodySpool::data() {
    FETTLE_ASSERT(state_->waiting.empty(), "a request body is read before it is complete on disk");
    if (state_->block_used == state_->block.size()) {
        state_->read_more();
        return {};
    }
    return std::string_view(state_->block).substr(state_->block_used);
}

void RequestBodySpool::consume(std::size_t bytes) {
    state_->block_used += bytes;
    FETTLE_ASSERT(state_->block_used <= state_->block.size(), "more of a request body was taken than there was");
    if (state_->block_used == state_->block.size()) {
        state_->read_more();
    }
}

void RequestBodySpool::rewind() {
    state_->read_offset = 0;
    state_->block_used = state_->block.size();
    ++state_->rewinds;
}

}  // namespace fettle::balancer
