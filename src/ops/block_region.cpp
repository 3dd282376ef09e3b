#include "block_region.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>

namespace aero::ops {
namespace {

constexpr std::size_t page = 4096;

std::size_t in_pages(std::size_t bytes) {
  return (bytes + page - 1) / page * page;
}

}  // namespace

BlockRegion::BlockRegion(std::size_t bytes) {
  const auto size = in_pages(bytes);
  auto* const range = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return;
  ::madvise(range, size, MADV_HUGEPAGE);  // a kernel without huge pages does without
  base_ = static_cast<char*>(range);
  size_ = size;
  add_free(0, size);
}

BlockRegion::~BlockRegion() {
  if (base_ != nullptr) ::munmap(base_, size_);
}

void* BlockRegion::take(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes > size_) return nullptr;
  const auto size = in_pages(bytes);
  const auto found = free_by_size_.lower_bound({size, 0});
  if (found == free_by_size_.end()) return nullptr;
  const auto [free_size, offset] = *found;
  remove_free(free_.find(offset));
  if (free_size > size) add_free(offset + size, free_size - size);
  blocks_[offset] = size;
  used_ = std::max(used_, offset + size);
  return base_ + offset;
}

void BlockRegion::free(void* block) {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(static_cast<std::size_t>(static_cast<char*>(block) - base_));
  auto offset = found->first;
  auto size = found->second;
  blocks_.erase(found);
  const auto after = free_.lower_bound(offset);
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      offset = before->first;
      size += before->second;
      remove_free(before);
    }
  }
  if (after != free_.end() && after->first == offset + size) {
    size += after->second;
    remove_free(after);
  }
  add_free(offset, size);
}

std::size_t BlockRegion::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

void BlockRegion::add_free(std::size_t offset, std::size_t size) {
  free_[offset] = size;
  free_by_size_.insert({size, offset});
}

void BlockRegion::remove_free(std::map<std::size_t, std::size_t>::iterator range) {
  free_by_size_.erase({range->second, range->first});
  free_.erase(range);
}

}  // namespace aero::ops
