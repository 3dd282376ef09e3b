#pragma once

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <cstdint>
#include <unordered_map>

namespace aero::testing_support {

/// Bytes that this thread's tensors hold, and the most at once since construction.
class Memory : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* pointer, std::int64_t size, std::size_t, std::size_t,
                         c10::Device) override {
    if (size > 0) {
      sizes_[pointer] = size;
      held_ += size;
      most_ = std::max(most_, held_);
      return;
    }
    const auto known = sizes_.find(pointer);
    if (known == sizes_.end()) return;
    held_ -= known->second;
    sizes_.erase(known);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t held() const { return held_; }
  std::int64_t most() const { return most_; }

 private:
  std::unordered_map<void*, std::int64_t> sizes_;
  std::int64_t held_ = 0;
  std::int64_t most_ = 0;
};

}  // namespace aero::testing_support
