#include "watch.h"

#include "aero/core/text.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace aero::dist {
namespace {

using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::uint8_t>;

constexpr auto interval = std::chrono::milliseconds(500);
constexpr const char* fault_key = "fault";
constexpr const char* no_fault = "none";
constexpr const char* has_left = "left";

std::string life_key(int rank) {
  return "life/" + std::to_string(rank);
}

std::vector<std::string> life_keys(std::size_t ranks) {
  std::vector<std::string> keys;
  for (std::size_t r = 0; r < ranks; ++r) keys.push_back(life_key(static_cast<int>(r)));
  return keys;
}

Bytes bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string text(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

struct Watch::State {
  struct Peer {
    std::string sign;
    Clock::time_point changed = Clock::now();
  };

  c10::intrusive_ptr<c10d::Store> store;
  int rank = 0;
  std::vector<std::string> names;
  std::string store_fault;
  std::vector<std::string> keys;  // of the fault, and of each rank's signs of life
  std::vector<Peer> peers;

  mutable std::mutex mutex;
  mutable std::condition_variable news;
  std::optional<std::string> found;
  Clock::time_point last_round = Clock::now();
  bool ends = false;    // the thread
  bool leaves = false;  // it says goodbye before
  bool is_over = false;

  void run();
  void watch();
  void round(std::int64_t number);
  void claim(const std::string& fault);
  bool sleep();
};

void Watch::State::run() {
  watch();
  try {
    if (leaves) store->set(life_key(rank), bytes(has_left));
  } catch (const std::exception&) {
    // The store may have ended before this rank.
  }
  const std::lock_guard lock(mutex);
  is_over = true;
  news.notify_all();
}

/// Looks after the others until the end or a fault.
void Watch::State::watch() {
  for (std::int64_t number = 1;; ++number) {
    try {
      round(number);
    } catch (const std::exception&) {
      const std::lock_guard lock(mutex);
      if (!found) found = store_fault;
      news.notify_all();
    }
    if (!sleep()) return;
  }
}

void Watch::State::round(std::int64_t number) {
  store->set(life_key(rank), bytes(std::to_string(number)));
  const auto values = store->multiGet(keys);
  const auto now = Clock::now();
  if (const auto fault = text(values.front()); fault != no_fault) {
    const std::lock_guard lock(mutex);
    if (!found) found = fault;
  }
  for (std::size_t r = 0; r < peers.size(); ++r) {
    auto& peer = peers[r];
    const auto sign = text(values[r + 1]);
    if (sign != peer.sign) peer = {sign, now};
    if (sign == has_left || static_cast<int>(r) == rank || now - peer.changed < patience) continue;
    claim(
        fmt::format("{} has given no sign of life for {} s: it was killed, or its machine or the "
                    "line to it is gone",
                    names[r], patience.count()));
  }
  const std::lock_guard lock(mutex);
  last_round = now;
  news.notify_all();
}

void Watch::State::claim(const std::string& fault) {
  const auto first = text(store->compareSet(fault_key, bytes(no_fault), bytes(fault)));
  const std::lock_guard lock(mutex);
  if (!found) found = first;
}

/// Returns false where the watch is over.
bool Watch::State::sleep() {
  std::unique_lock lock(mutex);
  news.wait_for(lock, interval, [&] { return ends || found; });
  return !ends && !found;
}

Watch::Watch(c10::intrusive_ptr<c10d::Store> store, int rank, std::vector<std::string> names,
             std::string store_fault)
    : state_(std::make_shared<State>()) {
  state_->store = std::move(store);
  state_->rank = rank;
  state_->store_fault = std::move(store_fault);
  state_->keys = life_keys(names.size());
  state_->keys.insert(state_->keys.begin(), fault_key);
  state_->peers.resize(names.size());
  state_->names = std::move(names);
  // The thread may hang on a line that is cut, so nobody waits for its end.
  std::thread([state = state_] { state->run(); }).detach();
}

Watch::~Watch() {
  const std::lock_guard lock(state_->mutex);
  state_->ends = true;
  state_->news.notify_all();
}

void Watch::prepare(c10d::Store& store, int rank) {
  if (rank == 0) store.set(fault_key, bytes(no_fault));
  store.set(life_key(rank), bytes("0"));
}

std::optional<std::string> Watch::fault() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->found || Clock::now() - state_->last_round < patience) return state_->found;
  return state_->store_fault;
}

std::optional<std::string> Watch::await_fault() const {
  const auto end = Clock::now() + patience + 4 * interval;
  while (Clock::now() < end) {
    if (auto known = fault()) return known;
    std::unique_lock lock(state_->mutex);
    state_->news.wait_for(lock, interval);
  }
  return fault();
}

void Watch::report(const std::string& fault) noexcept {
  try {
    state_->claim(
        fmt::format("{}: {}", state_->names[static_cast<std::size_t>(state_->rank)], fault));
  } catch (const std::exception&) {
    // The store is gone, so nobody can read of the fault there.
  }
}

void Watch::leave() {
  std::unique_lock lock(state_->mutex);
  state_->ends = state_->leaves = true;
  state_->news.notify_all();
  state_->news.wait_for(lock, patience, [&] { return state_->is_over; });
}

bool Watch::all_left() const {
  for (const auto& value : state_->store->multiGet(life_keys(state_->names.size()))) {
    if (text(value) != has_left) return false;
  }
  return true;
}

}  // namespace aero::dist
