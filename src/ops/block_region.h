#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

namespace aero::ops {

/// Blocks in one range of addresses, of which the kernel provides a page when it is first used. No
/// page is given back. Any thread may use it.
class BlockRegion {
 public:
  /// Reserves `bytes` bytes of addresses. Where the kernel refuses them, every take() is in vain.
  explicit BlockRegion(std::size_t bytes);
  BlockRegion(const BlockRegion&) = delete;
  BlockRegion& operator=(const BlockRegion&) = delete;
  ~BlockRegion();

  bool is_reserved() const { return base_ != nullptr; }
  bool contains(const void* address) const { return address >= base_ && address < base_ + size_; }

  /// Returns a block that begins a page and holds `bytes` bytes, at least one; null where no room is
  /// left. It is cut from the smallest free range that holds it, the first of these.
  void* take(std::size_t bytes);

  /// Frees a block of this region.
  void free(void* block);

  /// Returns how many bytes from the region's begin have been part of a block.
  std::size_t used() const;

 private:
  using Range = std::pair<std::size_t, std::size_t>;

  void add_free(std::size_t offset, std::size_t size);
  void remove_free(std::map<std::size_t, std::size_t>::iterator range);

  char* base_ = nullptr;
  std::size_t size_ = 0;
  mutable std::mutex mutex_;
  std::size_t used_ = 0;
  std::map<std::size_t, std::size_t> free_;              // sizes by offset; no two are neighbours
  std::set<Range> free_by_size_;                         // (size, offset) of the same ranges
  std::unordered_map<std::size_t, std::size_t> blocks_;  // sizes by offset
};

}  // namespace aero::ops
