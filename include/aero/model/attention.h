#pragma once

#include "aero/config/model_config.h"
#include "aero/model/child.h"
#include "aero/model/kv_cache.h"
#include "aero/model/linear.h"
#include "aero/model/rotary.h"

#include <cstdint>
#include <memory>

namespace aero::model {

/// Causal multi-head attention, "SM" and "SM(t)":
///   a = softmax(Q K^T / (sqrt(d_k) t) + mask)
/// The temperature t is 1 under SM, and learned under SM(t), [H, T], and SM(h), [H, 1]. A function
/// of ops/substitute_attention.h may replace softmax. The subclass decides what the values V are
/// and how a V becomes the output. Q, K, V and O are separate matrices, so that each can be
/// normalised or left out alone.
class AttentionImpl : public ModuleImpl {
 public:
  /// Maps x [B, T, d] -> [B, T, d]. Writes the entropy of each row, [B, H, T] nats in float32 (or
  /// float64), differentiable, to `row_entropy` where it is given; attention dropout is off then.
  torch::Tensor forward(const torch::Tensor& x, torch::Tensor* row_entropy = nullptr);

  /// Does the same for the positions after those in `cache`, and adds their keys and values to it.
  /// T is 1 where the cache's rows have lengths of their own. Has no gradient.
  torch::Tensor forward_cached(const torch::Tensor& x, LayerCache& cache);

  /// Whether everything that reads x casts it to autocast's dtype first, as
  /// PartImpl::casts_input().
  virtual bool casts_input() const { return false; }

  /// Returns t, [H, T] or [H, 1], in all forms of its parameter; undefined without a temperature.
  torch::Tensor temperature() const;

  Child<LinearImpl> q{*this, "q"};
  Child<LinearImpl> k{*this, "k"};

 protected:
  explicit AttentionImpl(const ModelConfig& config);

  /// Makes V of all heads: [B, T, d].
  virtual torch::Tensor make_values(const torch::Tensor& x) = 0;
  /// Makes the output [B, T, d] of `mixed`, which is a V, [B, H, T, d_k]. `values` [B, H, S, d_k]
  /// are those of all positions so far; the last T belong to the present positions.
  virtual torch::Tensor finish(const torch::Tensor& mixed, const torch::Tensor& values) = 0;
  /// Does the same for one position [B, H, 1, d_k] of rows which have lengths of their own: row i
  /// has the values of the first lengths[i] positions. This default calls finish() for each row.
  virtual torch::Tensor finish_rows(const torch::Tensor& mixed, const torch::Tensor& values,
                                    const torch::Tensor& lengths);

  torch::Tensor merge_heads(const torch::Tensor& heads) const;

 private:
  /// Returns t of `length` positions from `start` on: [H, length].
  torch::Tensor temperature_of(std::int64_t start, std::int64_t length) const;
  /// Returns t of one position of each row, [B]: [B, H, 1].
  torch::Tensor temperature_of_rows(const torch::Tensor& positions) const;
  /// Computes a V for queries [B, H, T, d_k] and what the cache holds, theirs included.
  torch::Tensor mix_cached(const torch::Tensor& queries, const LayerCache& cache,
                           const torch::Tensor& t) const;
  /// Computes a V with a substitute of softmax, for queries [B, H, T, d_k], keys and values
  /// [B, H, S, d_k]. `visible` [T, S] or [B, 1, T, S] is true where a query may see a key.
  torch::Tensor mix_by_substitute(const torch::Tensor& queries, const torch::Tensor& keys,
                                  const torch::Tensor& values, const torch::Tensor& visible,
                                  const torch::Tensor& t, torch::Tensor* row_entropy) const;
  torch::Tensor split_heads(const torch::Tensor& x) const;

  std::int64_t n_head_;
  double scale_;
  double dropout_;
  AttentionKind kind_;
  double two_quad_shift_;
  TemperatureForm temperature_form_;
  torch::Tensor temperature_;  // the parameter, [H, T] or [H, 1]; undefined without one
  Child<PositionEncodingImpl> position_{*this, "position"};
};

using Attention = std::shared_ptr<AttentionImpl>;

/// Attention with a matrix of values and one of the output: a V W_O, V = x W_V.
class ProjectedAttentionImpl : public AttentionImpl {
 public:
  explicit ProjectedAttentionImpl(const ModelConfig& config);

  bool casts_input() const override { return true; }

  Child<LinearImpl> v{*this, "v"};
  Child<LinearImpl> o{*this, "o"};

 private:
  torch::Tensor make_values(const torch::Tensor& x) override { return v->forward(x); }
  torch::Tensor finish(const torch::Tensor& mixed, const torch::Tensor& values) override;
  torch::Tensor finish_rows(const torch::Tensor& mixed, const torch::Tensor& values,
                            const torch::Tensor& /*lengths*/) override {
    return finish(mixed, values);
  }
};

/// The shaped attention of the simplified block (arXiv 2311.01906). Each head computes
///   (alpha a + beta I - gamma C) V
/// where C is the causal uniform matrix: row i has 1/i in its first i columns. V is x, and in layer
/// 0 g_r (x W_V) + g_s x. There is no output projection.
class ShapedAttentionImpl : public AttentionImpl {
 public:
  ShapedAttentionImpl(const ModelConfig& config, std::int64_t layer);

  Child<LinearImpl> v{*this, "v"};  ///< empty except in layer 0

 private:
  torch::Tensor make_values(const torch::Tensor& x) override;
  torch::Tensor finish(const torch::Tensor& mixed, const torch::Tensor& values) override;

  torch::Tensor alpha_, beta_, gamma_;     // [H]
  torch::Tensor value_gain_, value_skip_;  // g_r and g_s [1], undefined except in layer 0
};

Attention make_attention(const ModelConfig& config, std::int64_t layer);

}  // namespace aero::model
