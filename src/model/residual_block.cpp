#include "aero/model/residual_block.h"

namespace aero::model {
namespace {

/// A block with a residual stream to which both branches add.
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
  torch::Tensor input_of_attention(const torch::Tensor& x) override {
    return attention->casts_input() ? norm1->forward_cast(x) : norm1->forward(x);
  }

  torch::Tensor ffn_of(const torch::Tensor& x) {
    const auto n = ffn->casts_input() ? norm2->forward_cast(x) : norm2->forward(x);
    return dropout->forward(ffn->forward(n));
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

Block make_residual_block(const ModelConfig& config, const Place& place, const PartFactory& factory,
                          const Part& shared_activation) {
  if (config.parallel_residual) {
    return std::make_shared<ParallelBlockImpl>(config, place, factory, shared_activation);
  }
  return std::make_shared<SequentialBlockImpl>(config, place, factory, shared_activation);
}

}  // namespace aero::model
