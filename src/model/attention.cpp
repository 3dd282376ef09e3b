#include "aero/model/attention.h"

#include "aero/ops/autocast.h"

#include <cmath>
#include <limits>

namespace aero::model {
namespace {

/// True where query `start + i` may not see key j; [length, keys].
torch::Tensor hidden_keys(std::int64_t start, std::int64_t length, std::int64_t keys,
                          torch::Device device) {
  return torch::ones({length, keys}, torch::device(device).dtype(torch::kBool)).triu(start + 1);
}

}  // namespace

AttentionImpl::AttentionImpl(const ModelConfig& config)
    : n_head_(config.n_head), dropout_(config.dropout_attention) {
  const auto d = config.d_model;
  const bool qk_bias = config.biases != BiasSet::none;
  const bool vo_bias = config.biases == BiasSet::all;
  q = register_module("q", std::make_shared<LinearImpl>(d, d, qk_bias));
  k = register_module("k", std::make_shared<LinearImpl>(d, d, qk_bias));
  v = register_module("v", std::make_shared<LinearImpl>(d, d, vo_bias));
  o = register_module("o", std::make_shared<LinearImpl>(d, d, vo_bias));
  position_ = register_module("position", make_position_encoding(config));
}

torch::Tensor AttentionImpl::split_heads(const torch::Tensor& x) const {
  return x.unflatten(-1, {n_head_, -1}).transpose(1, 2);
}

torch::Tensor AttentionImpl::merge_heads(const torch::Tensor& heads) {
  return o->forward(heads.transpose(1, 2).flatten(-2));
}

torch::Tensor AttentionImpl::forward(const torch::Tensor& input) {
  const auto x = ops::to_autocast_dtype(input);
  const auto queries = position_->forward(split_heads(q->forward(x)), 0);
  const auto keys = position_->forward(split_heads(k->forward(x)), 0);
  const auto values = split_heads(v->forward(x));
  const double p = is_training() ? dropout_ : 0.0;
  return merge_heads(at::scaled_dot_product_attention(queries, keys, values, {}, p, true));
}

torch::Tensor AttentionImpl::forward_cached(const torch::Tensor& x, LayerCache& cache) {
  const auto start = cache.length;
  const auto length = x.size(1);
  const auto queries = position_->forward(split_heads(q->forward(x)), start);
  cache.keys.narrow(2, start, length).copy_(position_->forward(split_heads(k->forward(x)), start));
  cache.values.narrow(2, start, length).copy_(split_heads(v->forward(x)));
  cache.length = start + length;
  const auto keys = cache.keys.narrow(2, 0, cache.length).to(queries.scalar_type());
  const auto values = cache.values.narrow(2, 0, cache.length).to(queries.scalar_type());
  const auto visible = hidden_keys(start, length, cache.length, x.device()).logical_not();
  return merge_heads(at::scaled_dot_product_attention(queries, keys, values, visible));
}

torch::Tensor AttentionImpl::row_entropy(const torch::Tensor& x) {
  const auto queries = position_->forward(split_heads(q->forward(x)), 0);
  const auto keys = position_->forward(split_heads(k->forward(x)), 0);
  const auto dtype = torch::promote_types(queries.scalar_type(), torch::kFloat32);
  const double scale = 1 / std::sqrt(static_cast<double>(queries.size(-1)));
  auto scores = torch::matmul(queries.to(dtype) * scale, keys.to(dtype).transpose(-2, -1));
  const auto hidden = hidden_keys(0, x.size(1), x.size(1), x.device());
  // Entropy = logsumexp(s) - E_a[s]: no logarithm of a probability that underflows.
  const auto masked = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  const auto mean_score = (masked.softmax(-1) * scores.masked_fill(hidden, 0)).sum(-1);
  return (masked.logsumexp(-1) - mean_score).to(torch::kFloat32);
}

}  // namespace aero::model
