#include "aero/model/decoder.h"

#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/model/entropy_penalty.h"
#include "aero/model/parameters.h"
#include "aero/ops/autocast.h"
#include "aero/ops/late_gradient.h"
#include "aero/ops/linear.h"
#include "aero/ops/linear_cross_entropy.h"

#include "own_parts.h"

#include <torch/nn/modules/container/modulelist.h>

namespace aero::model {

DecoderImpl::DecoderImpl(const ModelConfig& config, const PartFactory& factory) : config_(config) {
  const auto d = config.d_model;
  tokens_ = std::make_shared<EmbeddingImpl>(config.vocab_size, d);
  if (config.family != Family::pythia) {
    positions_ = std::make_shared<EmbeddingImpl>(config.position_rows(), d);
  }
  embedding_dropout_ = make_dropout(config.dropout_embedding);
  if (config.activation == ActivationKind::leaky_relu && config.leaky_slope == LeakySlope::model) {
    activation_ = factory.make_activation(config, {"activation"});
    shared_activation_ = std::make_shared<StandInImpl>();
    shared_activation_->part = activation_;
  }
  const auto list = register_module("blocks", torch::nn::ModuleList());
  for (std::int64_t l = 0; l < config.n_layer; ++l) {
    const Place place{fmt::format("blocks.{}", l), l};
    list->push_back(factory.make_block(config, place, shared_activation_));
  }
  final_norm = norm_of(config.final_norm_kind(), config, {"final_norm"}, factory);
  if (!config.tied_head) head_ = std::make_shared<LinearImpl>(d, config.vocab_size, false);
  if (config.ereg.enabled) {
    thresholds_ = register_parameter(
        "thresholds", torch::full({config.n_layer, config.n_head}, config.ereg.theta_init),
        ParameterKind::threshold);
  }
  if (!config.own_parts.empty()) require_same_parts(config.own_parts, own_parts());
}

std::vector<Block> DecoderImpl::blocks() const {
  std::vector<Block> blocks;
  for (const auto& module : blocks_->children()) {
    blocks.push_back(std::dynamic_pointer_cast<BlockImpl>(module));
    if (!blocks.back()) {
      throw Error(fmt::format("model: \"blocks.{}\": {} is no block; derive it from BlockImpl",
                              blocks.size() - 1, module->name()));
    }
  }
  if (static_cast<std::int64_t>(blocks.size()) != config_.n_layer) {
    throw Error(fmt::format("model: the decoder has {} blocks, and model.n_layer is {}",
                            blocks.size(), config_.n_layer));
  }
  return blocks;
}

torch::Tensor DecoderImpl::embed(const torch::Tensor& tokens, std::int64_t start) {
  return embed(tokens, start, /*beside_head=*/false);
}

torch::Tensor DecoderImpl::embed(const torch::Tensor& tokens, std::int64_t start,
                                 bool beside_head) {
  const auto length = tokens.size(1);
  begin(start + length);
  auto x = beside_head ? tokens_->forward_beside_head(tokens) : tokens_->forward(tokens);
  if (positions_) x = x + positions_->weight.narrow(0, start, length);
  return embedding_dropout_->forward(x);
}

torch::Tensor DecoderImpl::embed_rows(const torch::Tensor& tokens, const KvCache& cache) {
  begin(cache.length() + 1);
  auto x = tokens_->forward(tokens);
  if (positions_) x = x + positions_->weight.index_select(0, cache.lengths()).unsqueeze(1);
  return embedding_dropout_->forward(x);
}

void DecoderImpl::begin(std::int64_t positions) {
  if (positions > config_.context) {
    throw Error(fmt::format("model: {} positions are more than model.context = {}", positions,
                            config_.context));
  }
  if (shared_activation_) shared_activation_->part = activation_;
}

const torch::Tensor& DecoderImpl::head_weight() const {
  return head_ ? head_->weight : tokens_->weight;
}

torch::Tensor DecoderImpl::hidden(const torch::Tensor& tokens,
                                  std::vector<torch::Tensor>* row_entropy) {
  return hidden(tokens, row_entropy, /*beside_head=*/false);
}

torch::Tensor DecoderImpl::hidden(const torch::Tensor& tokens,
                                  std::vector<torch::Tensor>* row_entropy, bool beside_head) {
  auto x = embed(tokens, 0, beside_head);
  for (const auto& block : blocks()) {
    x = block->forward(x, row_entropy != nullptr ? &row_entropy->emplace_back() : nullptr);
  }
  return finish(x);
}

torch::Tensor DecoderImpl::forward(const torch::Tensor& tokens) {
  return logits(hidden(tokens));
}

torch::Tensor DecoderImpl::logits(const torch::Tensor& states) const {
  return ops::linear(states, head_weight(), {});
}

torch::Tensor DecoderImpl::loss(const torch::Tensor& tokens, const torch::Tensor& targets) {
  const auto weight = weight_of_loss();
  const auto states = hidden(tokens, nullptr, !head_);
  return ops::linear_cross_entropy(states.flatten(0, 1), weight, targets.flatten());
}

torch::Tensor DecoderImpl::weight_of_loss() const {
  return head_ ? head_->weight : ops::with_late_gradient(tokens_->weight);
}

TrainingLoss DecoderImpl::training_loss(const torch::Tensor& tokens, const torch::Tensor& targets,
                                        const BatchShare& share) {
  if (!config_.ereg.enabled) return {loss(tokens, targets), {}};
  const auto weight = weight_of_loss();
  std::vector<torch::Tensor> row_entropy;
  const auto states = hidden(tokens, &row_entropy, !head_);
  for (std::size_t l = 0; l < row_entropy.size(); ++l) {
    if (row_entropy[l].defined()) continue;
    throw Error(fmt::format(
        "model.ereg.enabled: true: block {} reports no attention entropy to regularise", l));
  }
  return {ops::linear_cross_entropy(states.flatten(0, 1), weight, targets.flatten()),
          entropy_penalty(row_entropy, thresholds_, config_.ereg, config_.context, share)};
}

std::vector<std::pair<std::string, torch::Tensor>> DecoderImpl::named_state() const {
  std::vector<std::pair<std::string, torch::Tensor>> state;
  for (auto& [name, value, kind] : parameters_of(*this)) state.emplace_back(name, value);
  for (auto& buffer : kept_buffers_of(*this)) state.push_back(std::move(buffer));
  return state;
}

std::string DecoderImpl::own_parts() const {
  return differences_of(*this, DecoderImpl(shrunk(config_)));
}

void DecoderImpl::set_progress(double share) {
  for (const auto& module : modules(/*include_self=*/false)) {
    if (auto* ours = module->as<ModuleImpl>()) ours->set_progress(share);
  }
}

torch::Tensor DecoderImpl::forward_cached(const torch::Tensor& tokens, KvCache& cache) {
  return logits(hidden_cached(tokens, cache));
}

torch::Tensor DecoderImpl::hidden_cached(const torch::Tensor& tokens, KvCache& cache) {
  const bool differ = cache.lengths().defined();
  auto x = differ ? embed_rows(tokens, cache) : embed(tokens, cache.length());
  const auto all = blocks();
  for (std::size_t l = 0; l < all.size(); ++l) x = all[l]->forward_cached(x, cache.layers[l]);
  return finish(x);
}

KvCache DecoderImpl::make_cache(std::int64_t batch_size,
                                std::optional<std::int64_t> positions) const {
  KvCache cache;
  const auto& weight = tokens_->weight;
  const auto options = torch::device(weight.device()).dtype(ops::autocast_dtype(weight));
  for (std::int64_t l = 0; l < config_.n_layer; ++l) {
    const auto room = [&] {
      return torch::zeros(
          {batch_size, config_.n_head, positions.value_or(config_.context), config_.d_head()},
          options);
    };
    cache.layers.push_back({room(), room(), 0});
  }
  return cache;
}

}  // namespace aero::model
