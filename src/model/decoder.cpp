#include "aero/model/decoder.h"

#include "aero/core/error.h"
#include "aero/model/activation.h"
#include "aero/model/entropy_penalty.h"
#include "aero/model/norm.h"
#include "aero/ops/linear_cross_entropy.h"

#include <torch/nn/modules/container/modulelist.h>

#include <algorithm>
#include <array>

namespace aero::model {

DecoderImpl::DecoderImpl(const ModelConfig& config) : config_(config) {
  const auto d = config.d_model;
  tokens_ = register_module("tokens", std::make_shared<EmbeddingImpl>(config.vocab_size, d));
  if (config.family != Family::pythia) {
    positions_ =
        register_module("positions", std::make_shared<EmbeddingImpl>(config.position_rows(), d));
  }
  embedding_dropout_ = register_module("embedding_dropout", make_dropout(config.dropout_embedding));
  if (config.activation == ActivationKind::leaky_relu && config.leaky_slope == LeakySlope::model) {
    shared_activation_ = register_module("activation", make_activation(config));
  }
  const auto list = register_module("blocks", torch::nn::ModuleList());
  for (std::int64_t l = 0; l < config.n_layer; ++l) {
    blocks_.push_back(make_block(config, l, shared_activation_));
    list->push_back(blocks_.back());
  }
  final_norm_ = register_module("final_norm", make_norm(config.final_norm_kind(), config));
  if (!config.tied_head) {
    head_ = register_module("head", std::make_shared<LinearImpl>(d, config.vocab_size, false));
  }
  if (config.ereg.enabled) {
    thresholds_ = register_parameter(
        "thresholds", torch::full({config.n_layer, config.n_head}, config.ereg.theta_init));
  }
}

torch::Tensor DecoderImpl::embed(const torch::Tensor& tokens, std::int64_t start) {
  const auto length = tokens.size(1);
  if (start + length > config_.context) {
    throw Error("model: " + std::to_string(start + length) +
                " positions are more than model.context = " + std::to_string(config_.context));
  }
  auto x = tokens_->forward(tokens);
  if (positions_) x = x + positions_->weight.narrow(0, start, length);
  return embedding_dropout_->forward(x);
}

const torch::Tensor& DecoderImpl::head_weight() const {
  return head_ ? head_->weight : tokens_->weight;
}

torch::Tensor DecoderImpl::hidden(const torch::Tensor& tokens,
                                  std::vector<torch::Tensor>* row_entropy) {
  auto x = embed(tokens);
  for (const auto& block : blocks_) {
    x = block->forward(x, row_entropy != nullptr ? &row_entropy->emplace_back() : nullptr);
  }
  return finish(x);
}

torch::Tensor DecoderImpl::forward(const torch::Tensor& tokens) {
  return torch::linear(hidden(tokens), head_weight());
}

torch::Tensor DecoderImpl::loss(const torch::Tensor& tokens, const torch::Tensor& targets) {
  return ops::linear_cross_entropy(hidden(tokens).flatten(0, 1), head_weight(), targets.flatten());
}

TrainingLoss DecoderImpl::training_loss(const torch::Tensor& tokens, const torch::Tensor& targets) {
  if (!config_.ereg.enabled) return {loss(tokens, targets), {}};
  std::vector<torch::Tensor> row_entropy;
  const auto states = hidden(tokens, &row_entropy);
  return {ops::linear_cross_entropy(states.flatten(0, 1), head_weight(), targets.flatten()),
          entropy_penalty(row_entropy, thresholds_, config_.ereg, config_.context)};
}

std::vector<std::pair<std::string, torch::Tensor>> DecoderImpl::named_state() const {
  std::vector<std::pair<std::string, torch::Tensor>> state;
  for (const auto& item : named_parameters()) state.emplace_back(item.key(), item.value());
  for (const auto& item : named_buffers()) {
    // Of spectral norm and of a fixed norm; the tables of rotary embedding follow from the config.
    const bool is_trained =
        std::ranges::any_of(std::array{".u", ".v", ".sigma", ".gate"},
                            [&](const char* ending) { return item.key().ends_with(ending); });
    if (is_trained) state.emplace_back(item.key(), item.value());
  }
  return state;
}

void DecoderImpl::set_progress(double share) {
  const torch::NoGradGuard no_grad;
  const double gate = fixed_norm_gate(config_.norm_fixed, share);
  for (const auto& module : modules()) {
    if (auto* norm = module->as<FixedLayerNormImpl>()) norm->set_gate(gate);
  }
}

torch::Tensor DecoderImpl::forward_cached(const torch::Tensor& tokens, KvCache& cache) {
  auto x = embed(tokens, cache.length());
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    x = blocks_[l]->forward_cached(x, cache.layers[l]);
  }
  return torch::linear(finish(x), head_weight());
}

KvCache DecoderImpl::make_cache(std::int64_t batch_size) const {
  KvCache cache;
  const auto options = tokens_->weight.options().requires_grad(false);
  for (std::int64_t l = 0; l < config_.n_layer; ++l) {
    const auto room = [&] {
      return torch::zeros({batch_size, config_.n_head, config_.context, config_.d_head()}, options);
    };
    cache.layers.push_back({room(), room(), 0});
  }
  return cache;
}

}  // namespace aero::model
