#include "aero/model/kv_cache.h"

#include <algorithm>

namespace aero::model {
namespace {

torch::Tensor numbers(const std::vector<std::int64_t>& values, torch::Device device) {
  return torch::tensor(values, torch::kInt64).to(device);
}

}  // namespace

void LayerCache::append(const torch::Tensor& new_keys, const torch::Tensor& new_values) {
  const auto count = new_keys.size(2);
  if (!lengths.defined()) {
    keys.narrow(2, length, count).copy_(new_keys);
    values.narrow(2, length, count).copy_(new_values);
  } else {
    TORCH_CHECK(count == 1, "rows of different lengths take one position at a time, not ", count);
    const auto place = lengths.view({-1, 1, 1, 1}).expand(new_keys.sizes());
    keys.scatter_(2, place, new_keys.to(keys.scalar_type()));
    values.scatter_(2, place, new_values.to(values.scalar_type()));
    lengths = lengths + 1;  // a new tensor, because the layers share the old one
  }
  length += count;
}

KvCache KvCache::rows(std::int64_t first, std::int64_t count) const {
  KvCache result;
  for (const auto& layer : layers) {
    result.layers.push_back(
        {layer.keys.narrow(0, first, count), layer.values.narrow(0, first, count), 0});
  }
  return result;
}

void KvCache::set_lengths(const std::vector<std::int64_t>& lengths) {
  const auto [least, most] = std::ranges::minmax(lengths);
  torch::Tensor own;
  if (least != most) own = numbers(lengths, layers.front().keys.device());
  for (auto& layer : layers) {
    layer.length = most;
    layer.lengths = own;
  }
}

void KvCache::keep(const std::vector<std::int64_t>& kept) {
  std::vector<std::int64_t> left(kept.size(), length());
  if (const auto all = lengths(); all.defined()) {
    const auto on_cpu = all.to(torch::kCPU);
    std::ranges::transform(kept, left.begin(),
                           [&](std::int64_t row) { return on_cpu.data_ptr<std::int64_t>()[row]; });
  }
  for (auto& layer : layers) {
    const auto rows = numbers(kept, layer.keys.device());
    layer.keys = layer.keys.index_select(0, rows);
    layer.values = layer.values.index_select(0, rows);
  }
  set_lengths(left);
}

}  // namespace aero::model
