#include "aero/model/attention.h"

#include "aero/ops/autocast.h"
#include "aero/ops/cached_attention.h"
#include "aero/ops/entropy_attention.h"
#include "aero/ops/running_mean.h"
#include "aero/ops/substitute_attention.h"

#include "temperature.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cmath>
#include <vector>

namespace aero::model {
namespace {

/// Returns a mask [length, keys] that is true where the last `length` of the keys' positions may
/// see key j.
torch::Tensor visible_keys(std::int64_t length, std::int64_t keys, torch::Device device) {
  return torch::ones({length, keys}, torch::device(device).dtype(torch::kBool)).tril(keys - length);
}

/// Returns a mask [B, 1, 1, keys] that is true for the first lengths[i] keys of row i.
torch::Tensor visible_keys_of_rows(const torch::Tensor& lengths, std::int64_t keys) {
  return torch::arange(keys, lengths.options()).lt(lengths.view({-1, 1, 1, 1}));
}

/// Returns the parameter that stores a temperature t.
double stored_temperature(TemperatureForm form, double t) {
  switch (form) {
    case TemperatureForm::exp:
      return std::log(t);
    case TemperatureForm::softplus:
      return t + std::log(-std::expm1(-t));
    case TemperatureForm::none:
    case TemperatureForm::raw:
      break;
  }
  return t;
}

}  // namespace

AttentionImpl::AttentionImpl(const ModelConfig& config)
    : n_head_(config.n_head),
      scale_(config.attention_scaled ? 1 / std::sqrt(static_cast<double>(config.d_head())) : 1),
      dropout_(config.dropout_attention),
      kind_(config.attention),
      two_quad_shift_(config.two_quad_shift),
      temperature_form_(config.temperature) {
  const auto d = config.d_model;
  const bool with_bias = config.biases != BiasSet::none;
  q = make_linear(d, d, with_bias, config.qk_form);
  k = make_linear(d, d, with_bias, config.qk_form);
  if (config.temperature != TemperatureForm::none) {
    temperature_ = register_parameter(
        "temperature",
        torch::full({n_head_, config.temperature_columns()},
                    stored_temperature(config.temperature, config.temperature_init)),
        ParameterKind::temperature);
  }
  position_ = make_position_encoding(config);
}

torch::Tensor AttentionImpl::temperature() const {
  return temperature_from(temperature_, temperature_form_);
}

torch::Tensor AttentionImpl::temperature_of(std::int64_t start, std::int64_t length) const {
  const auto t = temperature();
  if (!t.defined()) return t;
  return t.size(1) == 1 ? t.expand({-1, length}) : t.narrow(1, start, length);
}

torch::Tensor AttentionImpl::temperature_of_rows(const torch::Tensor& positions) const {
  const auto t = temperature();
  if (!t.defined()) return t;
  const auto of_rows =
      t.size(1) == 1 ? t.expand({-1, positions.size(0)}) : t.index_select(1, positions);
  return of_rows.t().unsqueeze(-1);
}

torch::Tensor AttentionImpl::mix_by_substitute(const torch::Tensor& queries,
                                               const torch::Tensor& keys,
                                               const torch::Tensor& values,
                                               const torch::Tensor& visible, const torch::Tensor& t,
                                               torch::Tensor* row_entropy) const {
  // Under autocast, scores and their squares are float32, as the softmax of the other path is.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto dtype = torch::promote_types(queries.scalar_type(), torch::kFloat32);
  auto scores = torch::matmul(queries.to(dtype) * scale_, keys.to(dtype).transpose(-2, -1));
  if (t.defined()) scores = scores / t.unsqueeze(-1);
  const auto weights = kind_ == AttentionKind::two_quad
                           ? ops::two_quad_weights(scores, visible, two_quad_shift_)
                           : ops::relu_weights(scores, visible);
  if (row_entropy != nullptr) *row_entropy = ops::weight_entropy(weights);
  return torch::matmul(weights, values.to(dtype)).to(queries.scalar_type());
}

torch::Tensor AttentionImpl::split_heads(const torch::Tensor& x) const {
  return x.unflatten(-1, {n_head_, -1}).transpose(1, 2);
}

torch::Tensor AttentionImpl::merge_heads(const torch::Tensor& heads) const {
  return heads.transpose(1, 2).flatten(-2);
}

torch::Tensor AttentionImpl::forward(const torch::Tensor& input, torch::Tensor* row_entropy) {
  const auto x = ops::to_autocast_dtype(input);
  const auto queries = position_->forward(split_heads(q->forward(x)), 0);
  const auto keys = position_->forward(split_heads(k->forward(x)), 0);
  const auto values = split_heads(make_values(x)).to(queries.scalar_type());
  const auto t = temperature_of(0, x.size(1));
  if (kind_ != AttentionKind::softmax) {
    const auto visible = visible_keys(x.size(1), x.size(1), x.device());
    return finish(mix_by_substitute(queries, keys, values, visible, t, row_entropy), values);
  }
  const bool is_plain = row_entropy == nullptr && !temperature_.defined();
  const double p = is_training() ? dropout_ : 0.0;
  if (is_plain && (p > 0 || !x.is_cpu())) {
    return finish(at::scaled_dot_product_attention(queries, keys, values, {}, p, true, scale_),
                  values);
  }
  auto [mixed, entropy] =
      ops::entropy_attention(queries, keys, values, scale_, t, row_entropy != nullptr);
  if (row_entropy != nullptr) *row_entropy = entropy;
  return finish(mixed, values);
}

torch::Tensor AttentionImpl::mix_cached(const torch::Tensor& queries, const LayerCache& cache,
                                        const torch::Tensor& t) const {
  const auto dtype = queries.scalar_type();
  const auto keys = cache.keys.narrow(2, 0, cache.length).to(dtype);
  const auto values = cache.values.narrow(2, 0, cache.length).to(dtype);
  const auto scaled = t.defined() ? (queries / t.unsqueeze(-1)).to(dtype) : queries;
  if (kind_ == AttentionKind::softmax && ops::has_cached_attention(scaled, keys, values)) {
    return ops::cached_attention(scaled, keys, values, cache.lengths, scale_);
  }
  const auto length = queries.size(2);
  const auto visible = cache.lengths.defined()
                           ? visible_keys_of_rows(cache.lengths, cache.length)
                           : visible_keys(length, cache.length, queries.device());
  if (kind_ != AttentionKind::softmax) {
    return mix_by_substitute(queries, keys, values, visible, t, nullptr);
  }
  return at::scaled_dot_product_attention(scaled, keys, values, visible, 0, false, scale_);
}

torch::Tensor AttentionImpl::forward_cached(const torch::Tensor& input, LayerCache& cache) {
  const auto x = ops::to_autocast_dtype(input);
  const auto queries = split_heads(q->forward(x));
  const auto keys = split_heads(k->forward(x));
  const auto values = split_heads(make_values(x));
  if (cache.lengths.defined()) {
    const auto positions = cache.lengths;
    cache.append(position_->forward_rows(keys, positions), values);
    const auto mixed = mix_cached(position_->forward_rows(queries, positions), cache,
                                  temperature_of_rows(positions));
    return finish_rows(mixed, cache.values.to(mixed.scalar_type()), cache.lengths);
  }
  const auto start = cache.length;
  cache.append(position_->forward(keys, start), values);
  const auto mixed =
      mix_cached(position_->forward(queries, start), cache, temperature_of(start, x.size(1)));
  return finish(mixed, cache.values.narrow(2, 0, cache.length).to(mixed.scalar_type()));
}

torch::Tensor AttentionImpl::finish_rows(const torch::Tensor& mixed, const torch::Tensor& values,
                                         const torch::Tensor& lengths) {
  const auto on_cpu = lengths.to(torch::kCPU);
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 0; i < mixed.size(0); ++i) {
    const auto length = on_cpu.data_ptr<std::int64_t>()[i];
    rows.push_back(finish(mixed.narrow(0, i, 1), values.narrow(0, i, 1).narrow(2, 0, length)));
  }
  return torch::cat(rows);
}

ProjectedAttentionImpl::ProjectedAttentionImpl(const ModelConfig& config) : AttentionImpl(config) {
  const auto d = config.d_model;
  const bool with_bias = config.biases == BiasSet::all;
  v = make_linear(d, d, with_bias, config.v_form);
  o = make_linear(d, d, with_bias, config.o_form, ParameterKind::branch_output);
}

torch::Tensor ProjectedAttentionImpl::finish(const torch::Tensor& mixed,
                                             const torch::Tensor& /*values*/) {
  return o->forward(merge_heads(mixed));
}

ShapedAttentionImpl::ShapedAttentionImpl(const ModelConfig& config, std::int64_t layer)
    : AttentionImpl(config) {
  const auto scale = [this](const char* name, const torch::Tensor& start) {
    return register_parameter(name, start, ParameterKind::scale);
  };
  const auto shape = [&] { return torch::full({config.n_head}, config.simplified.shaped_init); };
  alpha_ = scale("alpha", shape());
  beta_ = scale("beta", shape());
  gamma_ = scale("gamma", shape());
  if (layer > 0) return;
  v = make_linear(config.d_model, config.d_model, /*with_bias=*/false, WeightForm::plain);
  value_gain_ = scale("value_gain", torch::ones({1}));
  value_skip_ = scale("value_skip", torch::ones({1}));
}

torch::Tensor ShapedAttentionImpl::make_values(const torch::Tensor& x) {
  return v ? value_gain_ * v->forward(x) + value_skip_ * x : x;
}

torch::Tensor ShapedAttentionImpl::finish(const torch::Tensor& mixed, const torch::Tensor& values) {
  const auto length = mixed.size(2);
  const auto all = values.size(2);
  const auto by_head = [](const torch::Tensor& scalars) { return scalars.view({-1, 1, 1}); };
  // Under autocast, sums over positions are float32: a running sum in bfloat16 stops growing.
  const auto wide = values.to(torch::promote_types(values.scalar_type(), torch::kFloat32));
  const auto means = ops::running_mean(wide).narrow(2, all - length, length);
  return merge_heads(by_head(alpha_) * mixed +
                     by_head(beta_) * wide.narrow(2, all - length, length) -
                     by_head(gamma_) * means);
}

Attention make_attention(const ModelConfig& config, std::int64_t layer) {
  if (config.family == Family::simplified) {
    return std::make_shared<ShapedAttentionImpl>(config, layer);
  }
  return std::make_shared<ProjectedAttentionImpl>(config);
}

}  // namespace aero::model
