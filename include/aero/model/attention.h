#pragma once

#include "aero/config/model_config.h"
#include "aero/model/child.h"
#include "aero/model/linear.h"
#include "aero/model/rotary.h"

#include <memory>

namespace aero::model {

/// Keys and values of one layer for the positions seen so far.
struct LayerCache {
  torch::Tensor keys;    ///< [B, H, T, d_k], the first `length` positions filled
  torch::Tensor values;  ///< the same
  std::int64_t length = 0;
};

/// Causal multi-head attention, "SM" and "SM(t)":
///   a = softmax(Q K^T / (sqrt(d_k) t) + mask), t learned, [H, T] under SM(t), [H, 1] under SM(h),
///   1 under SM; or what ops/substitute_attention.h has instead of softmax
/// What the values are and what becomes of a V is the subclass's. Q, K, V and O are matrices of
/// their own, so that each can be normalised or left out alone.
class AttentionImpl : public ModuleImpl {
 public:
  /// x [B, T, d] -> [B, T, d]. Where `row_entropy` is given it becomes [B, H, T] nats, float32 (or
  /// float64), differentiable; attention dropout is off then.
  torch::Tensor forward(const torch::Tensor& x, torch::Tensor* row_entropy = nullptr);

  /// The same for positions that follow `cache`, which takes up their keys and values. No gradient.
  torch::Tensor forward_cached(const torch::Tensor& x, LayerCache& cache);

  /// t [H, T] or [H, 1], whatever the form it is kept in; undefined without one.
  torch::Tensor temperature() const;

  Child<LinearImpl> q{*this, "q"};
  Child<LinearImpl> k{*this, "k"};

 protected:
  explicit AttentionImpl(const ModelConfig& config);

  /// V of all heads: [B, T, d].
  virtual torch::Tensor make_values(const torch::Tensor& x) = 0;
  /// `mixed` is a V, [B, H, T, d_k]; `values` [B, H, S, d_k] are those of all positions so far, the
  /// last T of them the present ones. -> [B, T, d]
  virtual torch::Tensor finish(const torch::Tensor& mixed, const torch::Tensor& values) = 0;

  torch::Tensor merge_heads(const torch::Tensor& heads) const;

 private:
  /// t of the positions from `start` on: [H, length].
  torch::Tensor temperature_of(std::int64_t start, std::int64_t length) const;
  /// a V by a substitute of softmax. queries [B, H, T, d_k], keys and values [B, H, S, d_k].
  torch::Tensor mix_by_substitute(const torch::Tensor& queries, const torch::Tensor& keys,
                                  const torch::Tensor& values, const torch::Tensor& t,
                                  torch::Tensor* row_entropy) const;
  torch::Tensor split_heads(const torch::Tensor& x) const;

  std::int64_t n_head_;
  double scale_;
  double dropout_;
  AttentionKind kind_;
  double two_quad_shift_;
  TemperatureForm temperature_form_;
  torch::Tensor temperature_;  // [H, T] or [H, 1] in its form; undefined without one
  Child<PositionEncodingImpl> position_{*this, "position"};
};

using Attention = std::shared_ptr<AttentionImpl>;

/// a V W_O, V = x W_V.
class ProjectedAttentionImpl : public AttentionImpl {
 public:
  explicit ProjectedAttentionImpl(const ModelConfig& config);

  Child<LinearImpl> v{*this, "v"};
  Child<LinearImpl> o{*this, "o"};

 private:
  torch::Tensor make_values(const torch::Tensor& x) override { return v->forward(x); }
  torch::Tensor finish(const torch::Tensor& mixed, const torch::Tensor& values) override;
};

/// The shaped attention of the simplified block (arXiv 2311.01906), a head:
///   (alpha a + beta I - gamma C) V, C the causal uniform matrix: row i is 1/i up to i
/// V is x, in layer 0 g_r (x W_V) + g_s x; there is no output projection.
class ShapedAttentionImpl : public AttentionImpl {
 public:
  ShapedAttentionImpl(const ModelConfig& config, std::int64_t layer);

  Child<LinearImpl> v{*this, "v"};  ///< empty but in layer 0

 private:
  torch::Tensor make_values(const torch::Tensor& x) override;
  torch::Tensor finish(const torch::Tensor& mixed, const torch::Tensor& values) override;

  torch::Tensor alpha_, beta_, gamma_;     // [H]
  torch::Tensor value_gain_, value_skip_;  // g_r and g_s [1], undefined but in layer 0
};

Attention make_attention(const ModelConfig& config, std::int64_t layer);

}  // namespace aero::model
