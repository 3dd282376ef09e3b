#include "aero/model/block.h"

#include "aero/core/error.h"
#include "aero/model/simplified_block.h"

namespace aero::model {
namespace {

/// Has a residual stream that both branches add to.
class ResidualBlockImpl : public TwoBranchBlockImpl {
 public:
  ResidualBlockImpl(const ModelConfig& config, const Place& place, const PartFactory& factory,
                    const Part& shared_activation)
      : TwoBranchBlockImpl(config, place, factory, shared_activation, config.norm) {
    if (!ffn) return;
    norm2 = norm_of(config.norm, config, place.within("norm2"), factory);
    if (!config.ffn_scaled) return;
    alpha_ =
        register_parameter("alpha", torch::full({1}, config.alpha_start()), ParameterKind::scale);
    beta_ = register_parameter("beta", torch::full({1}, config.beta_init), ParameterKind::scale);
  }

 protected:
  torch::Tensor ffn_of(const torch::Tensor& x) {
    return dropout->forward(ffn->forward(norm2->forward(x)));
  }

  torch::Tensor add(const torch::Tensor& h, const torch::Tensor& f) const {
    return alpha_.defined() ? beta_ * h + f / alpha_ : h + f;
  }

 private:
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

torch::Tensor BlockImpl::forward_cached(const torch::Tensor& /*x*/, LayerCache& /*cache*/) {
  throw Error("model: " + name() +
              " has no cached forward pass; set GenerationOptions::use_cache to false, or override "
              "BlockImpl::forward_cached()");
}

TwoBranchBlockImpl::TwoBranchBlockImpl(const ModelConfig& config, const Place& place,
                                       const PartFactory& factory, const Part& shared_activation,
                                       NormKind norm1_kind) {
  norm1 = norm_of(norm1_kind, config, place.within("norm1"), factory);
  attention = factory.make_attention(config, place.within("attention"));
  if (config.has_ffn(place.layer)) {
    ffn = factory.make_ffn(config, place.within("ffn"), shared_activation);
  }
  dropout = make_dropout(config.dropout_residual);
}

torch::Tensor TwoBranchBlockImpl::forward(const torch::Tensor& x, torch::Tensor* row_entropy) {
  const auto n = norm1->forward(x);
  return join(x, n, attention->forward(n, row_entropy));
}

torch::Tensor TwoBranchBlockImpl::forward_cached(const torch::Tensor& x, LayerCache& cache) {
  const auto n = norm1->forward(x);
  return join(x, n, attention->forward_cached(n, cache));
}

Part norm_of(NormKind kind, const ModelConfig& config, const Place& place,
             const PartFactory& factory) {
  if (kind == NormKind::none) return std::make_shared<AbsentImpl>();
  return factory.make_norm(config, kind, place);
}

Block make_block(const ModelConfig& config, const Place& place, const PartFactory& factory,
                 const Part& shared_activation) {
  if (config.family == Family::simplified) {
    return make_simplified_block(config, place, factory, shared_activation);
  }
  if (config.parallel_residual) {
    return std::make_shared<ParallelBlockImpl>(config, place, factory, shared_activation);
  }
  return std::make_shared<SequentialBlockImpl>(config, place, factory, shared_activation);
}

}  // namespace aero::model
