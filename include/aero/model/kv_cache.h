#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace aero::model {

/// Keys and values of one layer for the positions so far. A row's position p lies in slot p, so
/// that rows of different lengths begin together.
struct LayerCache {
  torch::Tensor keys;       ///< [B, H, S, d_k], of which the first `length` slots are filled
  torch::Tensor values;     ///< the same
  std::int64_t length = 0;  ///< of the longest row
  /// The length of each row, [B] int64 on the keys' device; undefined where all are `length`. What
  /// lies behind a row's end belongs to no text, and nothing may read it.
  torch::Tensor lengths{};

  /// Adds the keys and values [B, H, T, d_k] of the next T positions. T is 1 where rows have lengths
  /// of their own.
  void append(const torch::Tensor& new_keys, const torch::Tensor& new_values);
};

/// Keys and values of all layers. DecoderImpl::make_cache() makes it.
struct KvCache {
  std::vector<LayerCache> layers;

  std::int64_t length() const { return layers.empty() ? 0 : layers.front().length; }
  torch::Tensor lengths() const {
    return layers.empty() ? torch::Tensor() : layers.front().lengths;
  }

  /// Returns an empty cache in the memory of the rows [first, first + count).
  KvCache rows(std::int64_t first, std::int64_t count) const;
  /// Says how many positions of each row are filled.
  void set_lengths(const std::vector<std::int64_t>& lengths);
  /// Keeps these rows, at least one, in this order.
  void keep(const std::vector<std::int64_t>& kept);
};

}  // namespace aero::model
