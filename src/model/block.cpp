#include "aero/model/block.h"

#include "aero/model/ffn.h"
#include "aero/model/norm.h"
#include "aero/model/simplified_block.h"

namespace aero::model {
namespace {

/// Has a residual stream that both branches add to.
class ResidualBlockImpl : public BlockImpl {
 public:
  ResidualBlockImpl(const ModelConfig& config, std::int64_t layer, const Part& shared_activation)
      : BlockImpl(config, layer, shared_activation, config.norm) {
    if (!ffn) return;
    norm2_ = register_module("norm2", make_norm(config.norm, config));
    if (!config.ffn_scaled) return;
    alpha_ = register_parameter("alpha", torch::full({1}, config.alpha_start()));
    beta_ = register_parameter("beta", torch::full({1}, config.beta_init));
  }

 protected:
  torch::Tensor ffn_of(const torch::Tensor& x) {
    return dropout->forward(ffn->forward(norm2_->forward(x)));
  }

  torch::Tensor add(const torch::Tensor& h, const torch::Tensor& f) const {
    return alpha_.defined() ? beta_ * h + f / alpha_ : h + f;
  }

 private:
  Part norm2_;
  torch::Tensor alpha_, beta_;  // [1], undefined unless the FFN is scaled
};

class SequentialBlockImpl : public ResidualBlockImpl {
 public:
  using ResidualBlockImpl::ResidualBlockImpl;

 private:
  torch::Tensor join(const torch::Tensor& x, const torch::Tensor& /*n*/,
                     const torch::Tensor& attended) override {
    const auto h = x + dropout->forward(attended);
    return ffn ? add(h, ffn_of(h)) : h;
  }
};

class ParallelBlockImpl : public ResidualBlockImpl {
 public:
  using ResidualBlockImpl::ResidualBlockImpl;

 private:
  torch::Tensor join(const torch::Tensor& x, const torch::Tensor& /*n*/,
                     const torch::Tensor& attended) override {
    if (!ffn) return dropout->forward(attended) + x;
    const auto f = ffn_of(x);
    return add(dropout->forward(attended) + x, f);
  }
};

}  // namespace

BlockImpl::BlockImpl(const ModelConfig& config, std::int64_t layer, const Part& shared_activation,
                     NormKind norm1_kind) {
  norm1 = register_module("norm1", make_norm(norm1_kind, config));
  attention = register_module("attention", make_attention(config, layer));
  if (config.has_ffn(layer)) {
    ffn = register_module<PartImpl>("ffn", make_ffn(config, shared_activation));
  }
  dropout = register_module("dropout", make_dropout(config.dropout_residual));
}

torch::Tensor BlockImpl::forward(const torch::Tensor& x, torch::Tensor* row_entropy) {
  const auto n = norm1->forward(x);
  return join(x, n, attention->forward(n, row_entropy));
}

torch::Tensor BlockImpl::forward_cached(const torch::Tensor& x, LayerCache& cache) {
  const auto n = norm1->forward(x);
  return join(x, n, attention->forward_cached(n, cache));
}

Block make_block(const ModelConfig& config, std::int64_t layer, const Part& shared_activation) {
  if (config.family == Family::simplified) {
    return make_simplified_block(config, layer, shared_activation);
  }
  if (config.parallel_residual) {
    return std::make_shared<ParallelBlockImpl>(config, layer, shared_activation);
  }
  return std::make_shared<SequentialBlockImpl>(config, layer, shared_activation);
}

}  // namespace aero::model
