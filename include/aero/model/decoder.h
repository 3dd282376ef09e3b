#pragma once

#include "aero/config/model_config.h"
#include "aero/model/batch_share.h"
#include "aero/model/block.h"
#include "aero/model/child.h"
#include "aero/model/kv_cache.h"
#include "aero/model/linear.h"
#include "aero/model/part_factory.h"

#include <torch/nn/pimpl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aero::model {

/// A training loss in its parts, scalars in float32 (or float64).
struct TrainingLoss {
  torch::Tensor cross_entropy;  ///< mean, nats per target
  torch::Tensor penalty;        ///< of the entropy regulariser; undefined without one

  torch::Tensor total() const {
    return penalty.defined() ? cross_entropy + penalty : cross_entropy;
  }
};

/// A GPT-2- or Pythia-style language model, or one of simplified blocks. It has these parameters,
/// except those of parts that the config leaves out. Matrices are [out, in]:
///   tokens.weight [V, d], positions.weight [P, d] (not pythia), final_norm.{weight,bias},
///   head.weight [V, d] (untied), thresholds [L, H] (EReg),
///   blocks.<l>.norm1.{weight,bias}, blocks.<l>.norm2.{weight,bias},
///   blocks.<l>.attention.{q,k,v,o}.{weight,bias}, blocks.<l>.attention.temperature [H, T | 1],
///   blocks.<l>.ffn.w_in.{weight,bias} [4d, d], blocks.<l>.ffn.w_out.{weight,bias} [d, 4d],
///   blocks.<l>.ffn.w.{weight,bias} [d, d] (fused), blocks.<l>.{alpha,beta} [1] (scaled),
///   blocks.<l>.ffn.activation.slope or activation.slope [1],
///   beside a weight: gain [out] (weight norm), u [out] and v [in] (spectral norm, buffers),
///   sigma and gate [1] (fixed norm, buffers);
///   simplified: blocks.<l>.{attention_gain,skip_gain,ffn_gain} [1],
///   blocks.<l>.attention.{alpha,beta,gamma} [H], blocks.0.attention.{value_gain,value_skip} [1].
class DecoderImpl : public ModuleImpl {
 public:
  /// Builds a decoder from the factory's parts. Its matrices, biases and gains are NaN: call
  /// initialize() or load weights. Throws UsageError where the factory makes other parts than
  /// config.own_parts names.
  explicit DecoderImpl(const ModelConfig& config, const PartFactory& factory = PartFactory());

  /// Maps tokens [B, T] int64, T <= context, to logits [B, T, V].
  torch::Tensor forward(const torch::Tensor& tokens);

  /// Computes the mean cross-entropy in nats over the targets [B, T] that are not -100, without any
  /// penalty: a float32 (or float64) scalar.
  torch::Tensor loss(const torch::Tensor& tokens, const torch::Tensor& targets);

  /// Computes the same loss, and the penalty of the entropy regulariser where the config enables
  /// it. `share` says which part of a batch this process computes (entropy_penalty()).
  TrainingLoss training_loss(const torch::Tensor& tokens, const torch::Tensor& targets,
                             const BatchShare& share = {});

  /// Computes the states after the final norm: [B, T, d]. Writes the attention entropy of each
  /// layer's rows, [B, H, T] nats, to `row_entropy` where it is given.
  torch::Tensor hidden(const torch::Tensor& tokens,
                       std::vector<torch::Tensor>* row_entropy = nullptr);

  /// Passes the finished share of the training, from 0 to 1, to every module. Fixed norms depend on
  /// it.
  void set_progress(double share) override;

  /// Computes the logits of the positions after those in `cache`, and adds the positions to it.
  /// cache.length() + T <= context. T is 1 where the cache's rows have lengths of their own.
  torch::Tensor forward_cached(const torch::Tensor& tokens, KvCache& cache);
  /// Does the same without the head: the states after the final norm, [B, T, d].
  torch::Tensor hidden_cached(const torch::Tensor& tokens, KvCache& cache);
  /// Makes an empty cache with room for so many positions of each row; without a number, for the
  /// context. It has autocast's dtype where autocast is on, else that of the weights.
  KvCache make_cache(std::int64_t batch_size,
                     std::optional<std::int64_t> positions = std::nullopt) const;
  /// Maps states [..., d] to logits [..., V].
  torch::Tensor logits(const torch::Tensor& states) const;

  /// Embeds tokens from position `start` on: [B, T, d], the input of the first block.
  torch::Tensor embed(const torch::Tensor& tokens, std::int64_t start = 0);
  /// Applies final_norm to the last block's output.
  torch::Tensor finish(const torch::Tensor& x) { return final_norm->forward(x); }
  /// Returns the head's matrix [V, d]: head.weight, or tokens.weight where the head is tied.
  const torch::Tensor& head_weight() const;

  /// Lists the tensors that a checkpoint keeps: the parameters, and the buffers that do not follow
  /// from the config. A tensor with two names is listed once, under the first.
  std::vector<std::pair<std::string, torch::Tensor>> named_state() const;

  /// Lists the modules that AERO does not make of the config, by type:
  /// "own::NormImpl: blocks.0.norm1 blocks.0.norm2; …". Empty where all modules are AERO's.
  std::string own_parts() const;

  /// Returns the registered blocks. Throws Error where they are not config().n_layer blocks.
  std::vector<Block> blocks() const;
  const ModelConfig& config() const { return config_; }
  torch::Device device() const { return tokens_->weight.device(); }

  Child<PartImpl> final_norm{*this, "final_norm"};

 private:
  /// `beside_head` says that the head's product gives the embedding's weight a gradient, too.
  torch::Tensor embed(const torch::Tensor& tokens, std::int64_t start, bool beside_head);
  torch::Tensor hidden(const torch::Tensor& tokens, std::vector<torch::Tensor>* row_entropy,
                       bool beside_head);
  /// Returns the head's matrix for a loss, asked for before the tokens are embedded.
  torch::Tensor weight_of_loss() const;
  /// Embeds the next token of each row, tokens [B, 1], where rows have lengths of their own.
  torch::Tensor embed_rows(const torch::Tensor& tokens, const KvCache& cache);
  /// Prepares a pass that reads `positions` positions. Throws Error where the context is shorter.
  void begin(std::int64_t positions);

  ModelConfig config_;
  Child<EmbeddingImpl> tokens_{*this, "tokens"};
  Child<EmbeddingImpl> positions_{*this, "positions"};  // empty where positions are rotary
  Child<PartImpl> embedding_dropout_{*this, "embedding_dropout"};
  Child<PartImpl> activation_{*this, "activation"};  // empty unless the layers share a slope
  std::shared_ptr<StandInImpl> shared_activation_;   // stands for activation_ in every FFN, or null
  Child<torch::nn::Module> blocks_{*this, "blocks"};
  Child<LinearImpl> head_{*this, "head"};  // empty where tied
  torch::Tensor thresholds_;               // theta [L, H], undefined without regularisation
};

TORCH_MODULE(Decoder);

}  // namespace aero::model
