#include "aero/dist/sharding.h"

#include <algorithm>
#include <cstdint>

namespace aero::dist {
namespace {

/// Numbers that are sent at once, so that the copies of them stay small.
constexpr std::int64_t most_numbers = 4 << 20;

struct Range {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// Parts begin at multiples of it. So the vector instructions of a kernel take the same numbers at
/// once as in the whole tensor, and round them alike.
constexpr std::int64_t granularity = 64;

/// Returns the longest part.
std::int64_t part_size(std::int64_t numbers, std::int64_t ranks) {
  const auto step = ranks * granularity;
  return (numbers + step - 1) / step * granularity;
}

Range range_of(std::int64_t numbers, std::int64_t rank, std::int64_t ranks) {
  const auto size = part_size(numbers, ranks);
  const auto first = std::min(numbers, rank * size);
  return {first, std::min(numbers, first + size) - first};
}

torch::Tensor part_of(const torch::Tensor& x, std::int64_t rank, std::int64_t ranks) {
  const auto [first, count] = range_of(x.numel(), rank, ranks);
  return x.view({-1}).narrow(0, first, count);
}

/// Completes tensors of one dtype and device.
void complete_at_once(const std::vector<torch::Tensor>& tensors, const Communicator& communicator) {
  const std::int64_t ranks = communicator.ranks();
  std::int64_t length = 0;
  for (const auto& x : tensors) length += part_size(x.numel(), ranks);
  const auto rows = torch::empty({ranks, length}, tensors.front().options().requires_grad(false));
  const auto for_each_part = [&](std::int64_t rank, const auto& copy) {
    std::int64_t at = 0;
    for (const auto& x : tensors) {
      const auto part = part_of(x, rank, ranks);
      copy(part, rows[rank].narrow(0, at, part.numel()));
      at += part_size(x.numel(), ranks);
    }
  };
  const std::int64_t own = communicator.rank();
  for_each_part(own, [](const auto& part, const auto& place) { place.copy_(part); });
  communicator.gather(rows);
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    if (rank == own) continue;
    for_each_part(rank, [](const auto& part, const auto& place) { part.copy_(place); });
  }
}

}  // namespace

torch::Tensor Sharding::part(const torch::Tensor& x) const {
  return is_whole() ? x : part_of(x, communicator_.rank(), communicator_.ranks());
}

void Sharding::complete(const std::vector<torch::Tensor>& tensors) const {
  if (is_whole()) return;
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> group;
  std::int64_t numbers = 0;
  for (const auto& x : tensors) {
    const bool differs = !group.empty() && (group.front().scalar_type() != x.scalar_type() ||
                                            group.front().device() != x.device());
    if (!group.empty() && (differs || numbers + x.numel() > most_numbers)) {
      complete_at_once(std::exchange(group, {}), communicator_);
      numbers = 0;
    }
    group.push_back(x);
    numbers += x.numel();
  }
  if (!group.empty()) complete_at_once(group, communicator_);
}

}  // namespace aero::dist
