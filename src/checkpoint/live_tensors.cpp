#include "aero/checkpoint/live_tensors.h"

#include <algorithm>
#include <exception>

namespace aero::checkpoint {
namespace {

const void* place_of(const torch::Tensor& tensor) {
  return tensor.const_data_ptr();
}

}  // namespace

void LiveTensors::add(const torch::Tensor& tensor) {
  auto& entry = entries_[place_of(tensor)];
  entry.tensor = tensor.detach();
  ++entry.unwritten;
}

torch::Tensor LiveTensors::begin(const torch::Tensor& tensor) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(place_of(tensor));
  if (found == entries_.end()) return tensor;
  auto& entry = found->second;
  if (entry.copy.defined()) return entry.copy;
  entry.is_being_read = true;
  return entry.tensor;
}

void LiveTensors::end(const torch::Tensor& tensor) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(place_of(tensor));
  if (found == entries_.end()) return;
  auto& entry = found->second;
  entry.is_being_read = false;
  if (--entry.unwritten == 0) entry.copy.reset();
  changed_.notify_all();
}

void LiveTensors::finish() {
  const std::lock_guard lock(mutex_);
  is_finished_ = true;
  changed_.notify_all();
}

std::size_t LiveTensors::release() {
  std::unique_lock lock(mutex_);
  const auto is_idle = [this] {
    return is_finished_ ||
           std::ranges::none_of(entries_, [](const auto& e) { return e.second.is_being_read; });
  };
  changed_.wait(lock, is_idle);
  if (is_finished_) return 0;
  try {
    return copy_rest();
  } catch (const std::exception&) {  // no memory
    changed_.wait(lock, [this] { return is_finished_; });
    return 0;
  }
}

std::size_t LiveTensors::copy_rest() {
  const torch::NoGradGuard no_grad;
  std::size_t bytes = 0;
  for (auto& [place, entry] : entries_) {
    if (entry.unwritten == 0 || entry.copy.defined()) continue;
    entry.copy = entry.tensor.clone();
    bytes += entry.tensor.nbytes();
  }
  return bytes;
}

}  // namespace aero::checkpoint
