#include "aero/ops/kept_memory.h"

#include "block_region.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <unistd.h>

#include <cstddef>

namespace aero::ops {
namespace {

constexpr std::size_t smallest_block = 65536;

/// Returns the region, as large as the machine's memory. LibTorch's tensors may outlive all other
/// objects, so it is never destroyed.
BlockRegion& region() {
  static auto& only = *new BlockRegion(static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
                                       static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  return only;
}

void release(void* block) {
  if (region().contains(block)) {
    region().free(block);
  } else {
    c10::free_cpu(block);
  }
}

class KeepingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    auto* block = bytes >= smallest_block ? region().take(bytes) : nullptr;
    if (block == nullptr) block = c10::alloc_cpu(bytes);
    return {block, block, &release, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

}  // namespace

void keep_tensor_memory() {
#ifndef __SANITIZE_ADDRESS__  // which watches the C library's blocks
  if (!region().is_reserved()) return;
  static KeepingAllocator allocator;
  c10::SetCPUAllocator(&allocator, /*priority=*/1);
#endif
}

}  // namespace aero::ops
